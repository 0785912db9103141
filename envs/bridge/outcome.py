"""What a decision led to: the one record that environments give and agents learn from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Outcome:
    """One decision of every replica, from what was seen to what came of it.

    Not to be changed; a frozen dataclass takes four times as long to make, once per decision.

    Attributes
    ----------
    observations : (R, ...)
        What was acted on.
    actions : (R,) or (R, n_dimensions)
    rewards : (R,) float
        0 for replicas that did not act.
    next_observations : (R, ...)
        What the actions led to: where an episode has ended, its true last observation, never that
        of the reset which follows.
    terminated, truncated : (R,) bool
        Whether this decision ended the episode, and how.
    acting : (R,) bool
        Replicas that were within an episode and took this decision; of the others, nothing counts.
    """

    observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    next_observations: NDArray[Any]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    acting: NDArray[np.bool_]

    @property
    def ends(self) -> NDArray[np.bool_]:
        """Whether this decision ended the episode."""
        return self.terminated | self.truncated
