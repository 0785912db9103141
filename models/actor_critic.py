"""Input -> actor and input -> spiking critic."""

from dataclasses import dataclass

from models.architecture import Architecture, Parts
from models.specification import CriticReadout, NetworkSpec, Projection, Uniform, all_to_all


@dataclass(frozen=True)
class ActorCritic(Architecture):
    """A one-layer actor and a population of critic neurons whose spikes are the value estimate.

    Equations        V = value_offset + value_gain * (mean spikes of a critic neuron in the window)

    Parameters
    ----------
    critic_neurons : int, default 20
        More neurons give a less noisy value.
    value_gain : float, default 1.0
        Value of one spike of every critic neuron, in units of reward.
    value_offset : float, default 0.0
        Value of a silent critic; negative where returns can be negative.
    critic_w_init : float, default 0.0
        Initial weight of the critic's synapses.
    critic_w_min, critic_w_max : float, default 0, 8
        Bounds of the critic's synapses.

    Source
        Frémaux, Sprekeler & Gerstner 2013, PLoS Comput Biol 9:e1003024: the value read from the
        critic's spikes with a gain and an offset. Here the filter is the decision window.
    """

    critic_neurons: int = 20
    value_gain: float = 1.0
    value_offset: float = 0.0
    critic_w_init: float = 0.0
    critic_w_min: float = 0.0
    critic_w_max: float = 8.0

    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent."""
        source, actor = self.input_population(parts), self.actor(parts)
        critic = self.neurons(parts, "critic", self.critic_neurons)
        value = Projection(
            "value", "input", "critic", **all_to_all(source.size, critic.size),
            weights=Uniform(self.critic_w_init, self.critic_w_init), w_min=self.critic_w_min,
            w_max=self.critic_w_max, port=next(iter(parts.neuron.ports)), rule=parts.critic_rule,
        )  # fmt: skip
        policy = self.plastic("policy", source, actor, parts.rule)
        return NetworkSpec(
            (source, actor, critic),
            (policy, value, *self.lateral(actor)),
            critic=CriticReadout("critic", self.value_gain, self.value_offset),
            timestep_ms=parts.timestep_ms,
        )
