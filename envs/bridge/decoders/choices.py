"""What decoders of a choice share: one of a Discrete space, or one in each component."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.choices import Choices
from threefactor.envs.bridge.decoders.contract import BoundDecoder, Decoder, Generators

#: Of one component: values of its populations, (n_replicas, n) -> index of each row's choice.
Pick = Callable[[NDArray[Any]], NDArray[np.int64]]


class BoundChoice(BoundDecoder):
    """A decoder whose populations stand for the values of one component after the other."""

    def __init__(
        self, settings: Decoder, space: gym.Space, neurons_per_action: int, generators: Generators
    ):
        choices = Choices.of(space)
        assert choices is not None  # checked by bind
        self.choices = choices
        super().__init__(settings, choices.n_populations, neurons_per_action, generators)

    def choose(self, values: NDArray[Any], pick: Pick) -> NDArray[np.int64]:
        """Let `pick` choose in every component, from values (n_replicas, n_populations)."""
        choices = self.choices
        if choices.is_single:
            return pick(values) + choices.first
        picked = [pick(values[:, component]) for component in choices.components]
        return np.stack(picked, axis=1) + choices.first

    def choose_largest(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Choose the largest value of every component; ties are drawn, see `pick_largest`."""
        return self.choose(values, lambda own: pick_largest(own, self.generators))


def pick_largest(values: NDArray[Any], generators: list[np.random.Generator]) -> NDArray[np.int64]:
    """Pick the index of the largest value of each row; ties are drawn.

    A row draws one number from its own generator if it is tied and none if it is not.
    """
    if len(values) == 1:
        (row,) = values.tolist()
        largest = max(row)
        n_tied = row.count(largest)
        index = row.index(largest)
        if n_tied > 1:
            for _ in range(int(generators[0].random() * n_tied)):
                index = row.index(largest, index + 1)
        return np.array([index])
    is_largest = values == values.max(axis=1, keepdims=True)
    actions = is_largest.argmax(axis=1)
    n_tied = is_largest.sum(axis=1)
    tied = np.flatnonzero(n_tied > 1)
    if tied.size:
        draws = np.array([generators[replica].random() for replica in tied.tolist()])
        ranks = (draws * n_tied[tied]).astype(int)
        actions[tied] = (is_largest[tied].cumsum(axis=1) > ranks[:, None]).argmax(axis=1)
    return actions
