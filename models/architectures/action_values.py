"""Input -> one population for each action, whose spikes are what the action is worth."""

from dataclasses import dataclass, replace

from threefactor.models.architectures.contract import Parts
from threefactor.models.architectures.feedforward import FeedForward
from threefactor.models.specification import NetworkSpec


@dataclass(frozen=True)
class ActionValues(FeedForward):
    """One plastic layer from input to action populations whose mean spike count is Q(s, a).

    The modulator `td` turns the count of the action taken into its value (gain and offset, or
    `full_rate_hz`), so that its error is that of SARSA; with the rule `td-action` only synapses of
    the action taken learn from it. Decoders explore: `softmax`.
    """

    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent."""
        spec = super().build(parts)
        return replace(spec, critic=spec.output)
