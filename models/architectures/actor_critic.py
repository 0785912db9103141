"""Input -> actor and input -> spiking critic."""

from dataclasses import dataclass

import numpy as np

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

    The modulator `td` turns the critic's mean spike count in the decision window into a value; of
    opponents it is the difference of two counts, positive less negative.

    Parameters
    ----------
    critic_neurons : int, default 20
        More neurons give a less noisy value.
    has_opponents : bool, default False
        Whether the second half of the critic's neurons hears the third factor with the opposite
        sign and counts negatively, as neurons with D2 receptors beside those with D1 do. Then equal
        weights are a value of 0 and values may have any sign, with weights of one sign.
    is_divisive : bool, default False
        Whether the difference of opponents is divided by their sum, as by a pool of inhibition:
        then the value is between -1 and 1, whatever the window, and more or fewer spikes of the
        input, which both hear, do not change it. The critic should fire from the beginning.
    critic_w_init : float, default 0.0
        Initial weight of the critic's synapses.
    critic_w_min, critic_w_max : float, default 0, 8
        Bounds of the critic's synapses.

    Raises
    ------
    ValueError
        Beside those of every architecture: if an odd number of neurons is to have opponents, or
        if it is divisive without opponents.

    Source
        Frémaux, Sprekeler & Gerstner 2013, PLoS Comput Biol 9:e1003024: the value read from the
        critic's spikes with a gain and an offset. Here the filter is the decision window.
        Opponents: Möller & Bogacz 2019, PLoS Comput Biol 15:e1006285, payoffs and costs; here
        both are learned from one TD error and each needs no decay. Division by the activity of
        a pool: Carandini & Heeger 2012, Nat Rev Neurosci 13:51.
    """

    critic_neurons: int = 20
    has_opponents: bool = False
    is_divisive: bool = False
    critic_w_init: float = 0.0
    critic_w_min: float = 0.0
    critic_w_max: float = 8.0

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no network."""
        super().__post_init__()
        if self.has_opponents and self.critic_neurons % 2:
            raise ValueError(
                "ActorCritic.critic_neurons must be even to have opponents, got "
                f"{self.critic_neurons}."
            )
        if self.is_divisive and not self.has_opponents:
            raise ValueError("ActorCritic.is_divisive divides by opponents; set has_opponents.")

    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent."""
        source, actor = self.input_population(parts), self.actor(parts)
        critic = Population(
            "critic", self.critic_neurons, parts.critic_neuron, self.resets,
            valence=np.repeat([1, -1], self.critic_neurons // 2) if self.has_opponents else None,
            is_divisive=self.is_divisive,
        )  # fmt: skip
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
