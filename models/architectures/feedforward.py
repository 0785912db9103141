"""Input -> actor."""

from dataclasses import dataclass

from threefactor.models.architectures.contract import Architecture, Parts
from threefactor.models.specification import NetworkSpec


@dataclass(frozen=True)
class FeedForward(Architecture):
    """One plastic layer from input to action populations, with optional lateral inhibition.

    The smallest policy: each output neuron sees every input; actions compete in the decoder and,
    with `lateral_weight` < 0, through inhibition.
    """

    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent."""
        source, actor = self.input_population(parts), self.actor(parts)
        policy = self.plastic("policy", source, actor, parts.rule, parts.update)
        return NetworkSpec(
            (source, actor), (policy, *self.lateral(actor)), input=source.name, output=actor.name,
            timestep_ms=parts.timestep_ms,
        )  # fmt: skip
