"""Input -> hidden -> actor: every stochastic neuron an agent of its own."""

from dataclasses import dataclass

import numpy as np

from threefactor.models.architectures.contract import Architecture, Parts
from threefactor.models.specification import NetworkSpec
from threefactor.rules.contract import scaled


@dataclass(frozen=True)
class Layered(Architecture):
    """A population of two-layer networks whose neurons all learn from one broadcast third factor.

    Each of the `neurons_per_action` sub-networks ("agents" of the population) has its own hidden
    neurons and one output neuron for each action; the decoder counts over sub-networks.

    Parameters
    ----------
    hidden_neurons : int, default 8
        Hidden neurons of each group.
    is_modular : bool, default False
        True: each action has a hidden group of its own; False: the actions share one.
    hidden_rate_scale : float, default 0.3
        Learning rate of the hidden layer relative to the output layer's.

    Source
        Aenugu, Sharma, Yelchuri, Ravindran & Thomas 2019, arXiv 1910.06489: populations of agents,
        modular connectivity. Slower hidden learning: measured, `docs/` tells.
    """

    hidden_neurons: int = 8
    is_modular: bool = False
    hidden_rate_scale: float = 0.3

    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent."""
        agents, groups = self.neurons_per_action, parts.n_actions if self.is_modular else 1
        source, actor = self.input_population(parts), self.actor(parts)
        n_hidden = agents * groups * self.hidden_neurons
        index = np.arange(n_hidden)
        agent, group = (
            index // (groups * self.hidden_neurons),
            index // self.hidden_neurons % groups,
        )
        hidden = self.neurons(parts, "hidden", n_hidden, group if self.is_modular else None)
        action, owner = np.divmod(np.arange(actor.size), agents)
        linked = agent[:, None] == owner[None, :]
        if self.is_modular:
            linked &= group[:, None] == action[None, :]
        pre, post = np.nonzero(linked)
        hidden_rule = scaled(parts.rule, self.hidden_rate_scale)
        return NetworkSpec(
            (source, hidden, actor),
            (
                self.plastic("features", source, hidden, hidden_rule, parts.update),
                self.plastic(
                    "policy", hidden, actor, parts.rule, parts.update, {"pre": pre, "post": post}
                ),
                *self.lateral(actor),
            ),
            input=source.name,
            output=actor.name,
            timestep_ms=parts.timestep_ms,
        )
