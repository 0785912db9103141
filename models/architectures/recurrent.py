"""Input -> recurrent network -> actor."""

from dataclasses import dataclass, replace

import numpy as np

from threefactor.models.architectures.contract import Architecture, Parts, first_port
from threefactor.models.specification import NetworkSpec, Projection, Uniform
from threefactor.rules.contract import scaled
from threefactor.rules.streams import named_generator


@dataclass(frozen=True)
class Recurrent(Architecture):
    """A sparse recurrent network with excitatory and inhibitory neurons between input and actor.

    Parameters
    ----------
    recurrent_neurons : int, default 100
        Neurons of the recurrent network, >= 1.
    connection_probability : float, default 0.1
        Of each recurrent pair; drawn once from `wiring_seed`, the same for every replica.
    recurrent_weight : float, default 0.5
        Excitatory recurrent weights are uniform between 0 and twice this; inhibitory ones `balance`
        times as strong.
    recurrent_inhibitory : float, default 0.2
        Share of recurrent neurons that are inhibitory, onto each other and onto the actor (Dale's
        law holds, also while learning); takes the place of `inhibitory_fraction`.
    balance : float, default 4.0
        Size of inhibitory recurrent weights relative to excitatory ones.
    recurrent_rate_scale : float, default 0.0
        Learning rate of recurrent synapses relative to the rule's; 0: fixed.
    input_weight : float, default 2.0
        Fixed input weights are uniform between 0 and twice this.
    wiring_seed : int, default 0
        Seed of the connections and of the initial recurrent weights.
    """

    recurrent_neurons: int = 100
    connection_probability: float = 0.1
    recurrent_weight: float = 0.5
    recurrent_inhibitory: float = 0.2
    balance: float = 4.0
    recurrent_rate_scale: float = 0.0
    input_weight: float = 2.0
    wiring_seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no network."""
        super().__post_init__()
        if self.wiring_seed < 0 or self.input_weight < 0:
            raise ValueError(
                f"Recurrent: expected wiring_seed >= 0 and input_weight >= 0, got "
                f"{self.wiring_seed} and {self.input_weight}."
            )

    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent; raise ValueError if no recurrent pair is connected."""
        size = self.recurrent_neurons
        source, actor = self.input_population(parts), self.actor(parts)
        recurrent = self.neurons(parts, "recurrent", size)
        generator = named_generator(self.wiring_seed, "wiring")
        linked = generator.random((size, size)) < self.connection_probability
        np.fill_diagonal(linked, False)
        pre, post = np.nonzero(linked)
        if len(pre) == 0:
            raise ValueError(
                f"Recurrent: no pair connected at probability {self.connection_probability} among "
                f"{size} neurons; raise either."
            )
        inhibitory = np.arange(size) < round(self.recurrent_inhibitory * size)
        strength = np.where(inhibitory, -self.balance, 1.0)[pre] * self.recurrent_weight
        limit = 4.0 * np.abs(strength)
        is_plastic = self.recurrent_rate_scale > 0
        port = first_port(parts.neuron)
        dale = replace(self, inhibitory_fraction=self.recurrent_inhibitory)
        return NetworkSpec(
            (source, recurrent, actor),
            (
                Projection(
                    "feed", source.name, recurrent.name,
                    *np.divmod(np.arange(source.size * size), size),
                    Uniform(0.0, 2.0 * self.input_weight), port=port,
                ),
                Projection(
                    "recurrence", recurrent.name, recurrent.name, pre, post,
                    2.0 * strength * generator.random(len(pre)), port=port,
                    w_min=np.where(strength < 0, -limit, 0.0),
                    w_max=np.where(strength < 0, 0.0, limit),
                    rule=scaled(parts.rule, self.recurrent_rate_scale) if is_plastic else None,
                    update=parts.update,
                ),
                dale.plastic("policy", recurrent, actor, parts.rule, parts.update),
                *self.lateral(actor),
            ),
            input=source.name,
            output=actor.name,
            timestep_ms=parts.timestep_ms,
        )  # fmt: skip
