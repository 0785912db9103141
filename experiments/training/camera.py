"""Pictures of what an agent does, decision by decision."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.outcome import Outcome
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import Observer

#: Decisions that a film shows at most.
MAX_DECISIONS = 200
RENDER_MODE = "rgb_array"


class Camera(Observer):
    """Takes pictures of replica 0 through its first episode, or the beginning of a long one.

    Attributes
    ----------
    pictures : list of (height, width, 3) uint8
        What the first decision was taken on, then what each decision led to.
    """

    def __init__(self) -> None:
        self.pictures: list[NDArray[np.uint8]] = []
        self._is_over = False

    def began(self, loop: ClosedLoop) -> None:
        """Take the first picture."""
        self._take(loop)

    def decided(self, loop: ClosedLoop, outcome: Outcome) -> None:
        """Take a picture of what the decision led to."""
        if not self._is_over:
            self._take(loop)
            self._is_over = bool(outcome.ends[0]) or len(self.pictures) > MAX_DECISIONS

    def _take(self, loop: ClosedLoop) -> None:
        picture: Any = loop.environments.render()
        self.pictures.append(np.array(picture, np.uint8))
