"""Questions to masks of replicas, (R,) bool, asked several times in every decision.

Lists answer in a tenth of the time that `any` and `all` of arrays take for few replicas.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def any_of(mask: "NDArray[np.bool_]") -> bool:
    """Return whether any entry is set."""
    return True in mask.tolist()


def all_of(mask: "NDArray[np.bool_]") -> bool:
    """Return whether every entry is set."""
    return False not in mask.tolist()
