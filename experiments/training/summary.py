"""How a run ended, in numbers."""

from typing import Any

import numpy as np

from threefactor.experiments.training.tally import EpisodeTally
from threefactor.experiments.training.twin import standard_error

LAST = 100


def summarise(tally: EpisodeTally) -> dict[str, Any]:
    """Return what the episodes say: the declared metric's mean over the last `LAST`."""
    means = [float(np.mean(row[-LAST:])) for row in tally.returns if row]
    return {
        "mean_return_last_100": float(np.mean(means)) if means else None,
        "mean_return_last_100_by_replica": means,
        "error_last_100_by_replica": [standard_error(row[-LAST:]) for row in tally.returns if row],
        "metric": "discounted_return" if tally.is_discounted else "return",
        "discount": tally.discount,
        "episodes": int(tally.done.sum()),
    }
