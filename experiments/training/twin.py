"""Whether training was worth it: the trained agent against its untrained twin, seed by seed."""

from collections.abc import Sequence

import numpy as np

from threefactor.analysis.statistics import summarise_seeds


def is_better_than_twin(trained: Sequence[float], twin: Sequence[float]) -> bool:
    """Return whether training ended better than it began.

    Where there are seeds enough for an interval of the mean difference, it has to lie above zero;
    of fewer seeds the mean difference has to.

    Parameters
    ----------
    trained, twin : (n_seeds,)
        Mean return of each seed, of the trained agent's last episodes and of the twin's.
    """
    difference = summarise_seeds(np.subtract(trained, twin), "mean")
    return (difference.bounds[0] if difference.bounds else difference.estimate) > 0


def twin_warning(trained: Sequence[float], twin: Sequence[float]) -> str:
    """Return a sentence if training ended no better than the untrained twin, else ""."""
    if is_better_than_twin(trained, twin):
        return ""
    difference = summarise_seeds(np.subtract(trained, twin), "mean")
    return (
        "WARNING: training ended no better than the untrained twin: "
        f"{np.mean(trained):.3f} against {np.mean(twin):.3f}, difference {difference.text()}."
    )
