"""Controls that must not learn: third factors or eligibilities that say nothing of the action."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from threefactor.masks import any_of
from threefactor.models.network import Network
from threefactor.models.specification import NetworkSpec
from threefactor.rules.contract import Rule
from threefactor.rules.language import parse_equations, parse_statements
from threefactor.rules.language.expressions import names_in
from threefactor.rules.modulators import ThirdFactor
from threefactor.rules.streams import named_generator
from threefactor.rules.updates import moves_within_windows

Rows = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Untouched:
    """The third factor as it is."""

    #: Whether third factors are changed, and not only what becomes of them.
    changes: ClassVar[bool] = False

    def open_window(self, network: Network, involved: Mask) -> None:
        """Change, for the window to come, what neurons of the network deliver themselves."""

    def deliver(self, network: Network, third_factor: ThirdFactor, active: Mask) -> None:
        """Change a third factor, and consolidate with it.

        Parameters
        ----------
        active : (R,) bool
            Replicas that it is for, if it does not say so itself.
        """
        mask = active if third_factor.delivers is None else third_factor.delivers
        if not any_of(mask):
            return
        if self.changes:
            third_factor = third_factor.through(lambda rows: self(rows, mask))
        self.consolidate(network, third_factor, mask)

    def consolidate(self, network: Network, third_factor: ThirdFactor, delivers: Mask) -> None:
        """Let the weights of the replicas of `delivers` follow a third factor."""
        network.consolidate(third_factor.scalar, third_factor.vectors, delivers)

    def __call__(self, third_factor: Rows, delivers: Mask) -> Rows:
        """Return what the replicas of `delivers` get in place of their rows."""
        return third_factor

    def state(self) -> dict[str, Any]:
        """Return what changes: nothing."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""


class Zero(Untouched):
    """Third factor zero: traces run, weights stay."""

    changes = True

    def open_window(self, network: Network, involved: Mask) -> None:
        """Let neurons deliver nothing."""
        for gains, _ in _broadcasts(network):
            gains[...] = 0.0

    def __call__(self, third_factor: Rows, delivers: Mask) -> Rows:
        """Return zeros."""
        return np.zeros_like(third_factor)


class Shuffled(Untouched):
    """Each third factor swapped with one from a store of the replica's own past.

    The distribution is kept and the contingency on the action destroyed; until the store of
    `size` values has filled, a random sign replaces the swap. One that neurons of the network make
    in every timestep gets a random sign for each window.
    """

    changes = True

    def __init__(self, seeds: Sequence[int], size: int = 1000) -> None:
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self._size = size
        self._store: list[list[Any]] = [[] for _ in seeds]

    def open_window(self, network: Network, involved: Mask) -> None:
        """Draw the sign of what neurons deliver to each replica."""
        if broadcasts := _broadcasts(network):
            for replica in np.flatnonzero(involved):
                sign = 1.0 if self._generators[replica].random() < 0.5 else -1.0
                for gains, weights in broadcasts:
                    gains[replica] = sign * weights

    def __call__(self, third_factor: Rows, delivers: Mask) -> Rows:
        """Return shuffled third factors of the replicas that hear one."""
        out = np.zeros_like(third_factor)
        for replica in np.flatnonzero(delivers):
            generator, store = self._generators[replica], self._store[replica]
            value = np.array(third_factor[replica])
            if len(store) < self._size:
                store.append(value)
                out[replica] = value * (1 if generator.random() < 0.5 else -1)
            else:
                index = int(generator.integers(self._size))
                out[replica], store[index] = store[index], value
        return out

    def state(self) -> dict[str, Any]:
        """Return stores and generators."""
        return {
            "stores": [np.array(store) for store in self._store],
            "generators": [generator.bit_generator.state for generator in self._generators],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._store = [list(store) for store in state["stores"]]
        for generator, saved in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = saved


class Permuted(Untouched):
    """Each synapse consolidates the eligibility of another of its projection and replica.

    Which one is drawn once, from the replica's seed. Third factors and the distribution of
    eligibilities are kept; what a weight does to the action no longer decides how it moves. Weights
    still follow the reward in directions drawn by chance, so that single seeds may end at either
    extreme: compare means over seeds.
    """

    def __init__(self, network: Network, seeds: Sequence[int]) -> None:
        self._eligibilities: list[tuple[Rows, NDArray[np.int_]]] = []
        for name, variables in permutable(network.spec).items():
            views = [network.replicated(f"{name}.{variable}") for variable in variables]
            size = views[0].shape[1]
            others = np.stack([_others(named_generator(seed, name), size) for seed in seeds])
            self._eligibilities += [(view, others) for view in views]

    def consolidate(self, network: Network, third_factor: ThirdFactor, delivers: Mask) -> None:
        """Let the weights follow, with eligibilities exchanged meanwhile."""
        own = [view.copy() for view, _ in self._eligibilities]
        for view, others in self._eligibilities:
            view[...] = np.take_along_axis(view, others, axis=1)
        super().consolidate(network, third_factor, delivers)
        for (view, _), values in zip(self._eligibilities, own, strict=True):
            view[...] = values


def _others(generator: np.random.Generator, size: int) -> NDArray[np.int_]:
    """Return another synapse for each, (size,): one cycle through all of them."""
    order, others = generator.permutation(size), np.empty(size, int)
    others[order] = np.roll(order, 1)
    return others


def permutable(spec: NetworkSpec) -> dict[str, list[str]]:
    """Return the eligibilities of each projection that learns, projection -> variables.

    Raises
    ------
    ValueError
        If a rule moves weights by itself, or has no eligibility that a third factor meets.
    """
    found = {}
    for projection in spec.projections:
        if projection.rule is None:
            continue
        name, who = projection.name, f"control 'permuted': {type(projection.rule).__name__}"
        if moves_within_windows(projection.rule):
            raise ValueError(
                f"{who} at {name!r} moves weights while a window runs; expected a rule that "
                "consolidates when the third factor arrives. Use the control 'shuffled'."
            )
        found[name] = _eligibilities(projection.rule)
        if not found[name] or projection.n_synapses < 2:
            raise ValueError(
                f"{who} at {name!r}: expected an eligibility that `consolidate` reads, of two "
                "synapses or more, got none. Use the control 'shuffled'."
            )
    return found


def _eligibilities(rule: Rule) -> list[str]:
    """Return the variables of the synapse that `consolidate` reads and does not write."""
    block, equations = parse_statements(rule.consolidate), parse_equations(rule.equations)
    reads = block.names
    abbreviations = [line for line in equations if not line.is_stored]
    for _ in abbreviations:  # they may be made of one another
        used = (names_in(line.expression) for line in abbreviations if line.variable in reads)
        reads = reads.union(*used)
    return [name for name in equations.stored if name in reads - block.writes]


def _broadcasts(network: Network) -> list[tuple[Rows, float | Rows]]:
    """Return with which weights neurons deliver third factors, views (R, n_links), and ought to."""
    return [
        (network.replicated(f"{modulation.name}.weight"), np.asarray(modulation.weights, float))
        for modulation in network.spec.modulations
        if modulation.into == "third_factor"
    ]


def bind_control(control: str, network: Network, seeds: Sequence[int]) -> Untouched:
    """Return the control called `control` (see `experiments.configuration.CONTROLS`) at work."""
    if control == "permuted":
        return Permuted(network, seeds)
    if control == "shuffled":
        return Shuffled(seeds)
    return Zero() if control == "zero" else Untouched()
