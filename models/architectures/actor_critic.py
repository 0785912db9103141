"""Input -> actor and input -> spiking critic."""

from dataclasses import dataclass

from threefactor.models.architectures.contract import Architecture, Parts, first_port
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)


@dataclass(frozen=True)
class ActorCritic(Architecture):
    """A one-layer actor and a population of critic neurons whose spikes are the value estimate.

    The modulator `td` turns the critic's mean spike count in the decision window into a value.

    Parameters
    ----------
    critic_neurons : int, default 20
        More neurons give a less noisy value.
    critic_w_init : float, default 0.0
        Initial weight of the critic's synapses.
    critic_w_min, critic_w_max : float, default 0, 8
        Bounds of the critic's synapses.

    Source
        Frémaux, Sprekeler & Gerstner 2013, PLoS Comput Biol 9:e1003024: the value read from the
        critic's spikes with a gain and an offset. Here the filter is the decision window.
    """

    critic_neurons: int = 20
    critic_w_init: float = 0.0
    critic_w_min: float = 0.0
    critic_w_max: float = 8.0

    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent."""
        source, actor = self.input_population(parts), self.actor(parts)
        critic = Population("critic", self.critic_neurons, parts.critic_neuron, self.resets)
        value = Projection(
            "value", source.name, critic.name, **all_to_all(source.size, critic.size),
            weights=Uniform(self.critic_w_init, self.critic_w_init), w_min=self.critic_w_min,
            w_max=self.critic_w_max, port=first_port(parts.critic_neuron), rule=parts.critic_rule,
        )  # fmt: skip
        policy = self.plastic("policy", source, actor, parts.rule, parts.update)
        return NetworkSpec(
            (source, actor, critic),
            (policy, value, *self.lateral(actor)),
            input=source.name,
            output=actor.name,
            critic=critic.name,
            timestep_ms=parts.timestep_ms,
        )
