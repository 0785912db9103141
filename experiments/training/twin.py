"""Whether training was worth it: the trained agent against its untrained twin, seed by seed."""

import math
from collections.abc import Sequence

import numpy as np

from threefactor.analysis.statistics import SeedSummary, summarise_seeds

#: Standard errors by which a difference of few seeds has to exceed zero: 95 %, one-sided.
ERRORS = 1.64


def standard_error(values: Sequence[float]) -> float | None:
    """Return the standard error of a mean of episodes; None: one episode has none."""
    if len(values) < 2:
        return None
    return float(np.std(values, ddof=1) / math.sqrt(len(values)))


def is_better_than_twin(
    trained: Sequence[float], twin: Sequence[float], errors: Sequence[float | None] = ()
) -> bool:
    """Return whether training ended better than it began.

    Where there are seeds enough for an interval of the mean difference, it has to lie above zero.
    Of fewer seeds the mean difference has to exceed what the scatter of their episodes explains.

    Parameters
    ----------
    trained, twin : (n_seeds,)
        Mean return of each seed, of the trained agent's last episodes and of the twin's.
    errors : (2 * n_seeds,), optional
        Standard errors of all of these means; None: unknown. Empty (runs of before): none.
    """
    difference = _difference(trained, twin)
    if difference.bounds:
        return difference.bounds[0] > 0
    scatter = _scatter(errors)
    return difference.estimate > (ERRORS * scatter if scatter else 0.0)


def twin_warning(
    trained: Sequence[float], twin: Sequence[float], errors: Sequence[float | None] = ()
) -> str:
    """Return a sentence if training ended no better than the untrained twin, else ""."""
    if is_better_than_twin(trained, twin, errors):
        return ""
    difference = _difference(trained, twin)
    text = (
        "WARNING: training ended no better than the untrained twin: "
        f"{np.mean(trained):.3f} against {np.mean(twin):.3f}, difference {difference.text()}"
    )
    if difference.estimate > 0 and difference.bounds is None:
        scatter = _scatter(errors)
        if math.isinf(scatter):
            return f"{text}; a single episode cannot tell."
        return f"{text}, within the scatter of episodes (standard error {scatter:.3f})."
    return f"{text}."


def _difference(trained: Sequence[float], twin: Sequence[float]) -> SeedSummary:
    return summarise_seeds(np.subtract(trained, twin), "mean")


def _scatter(errors: Sequence[float | None]) -> float:
    """Return the standard error of the mean difference: infinite if one of them is unknown."""
    if any(error is None for error in errors):
        return math.inf
    return 2 * math.hypot(*(error for error in errors if error is not None)) / max(1, len(errors))
