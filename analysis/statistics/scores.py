"""Scores of runs: what they are, by environment, and what single numbers are made of them."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = Mapping[str, ArrayLike]
Statistic = Callable[..., NDArray]


def normalise(scores: ArrayLike, random: float, reference: float) -> NDArray:
    """Rescale scores so that the random policy is 0 and the reference is 1."""
    if reference == random:
        raise ValueError(
            f"normalise: expected a reference other than the random score, got {reference} for "
            "both. Give the score of the optimum or of a published agent."
        )
    return (np.asarray(scores, float) - random) / (reference - random)


def iqm(scores: ArrayLike, axis: int | None = None) -> NDArray:
    """Interquartile mean: the mean of the middle half (of all, for fewer than four scores)."""
    from scipy import stats  # takes longer to load than all else that training needs

    return stats.trim_mean(np.asarray(scores, float), 0.25, axis=axis)


def optimality_gap(scores: ArrayLike, axis: int | None = None, target: float = 1.0) -> NDArray:
    """Mean amount by which scores fall short of `target`; what exceeds it does not make up."""
    return target - np.minimum(np.asarray(scores, float), target).mean(axis=axis)


def area_under_curve(returns: ArrayLike) -> float:
    """Area under a learning curve, (n_episodes,), divided by its length: the mean of all episodes.

    In the unit of the returns, so that curves of one length compare; what learns sooner has more.
    """
    curve = np.asarray(returns, float)
    if curve.ndim != 1 or not curve.size or not np.isfinite(curve).all():
        raise ValueError(
            f"area_under_curve: expected (n_episodes,) finite returns, got shape {curve.shape}"
            f"{'' if curve.size and np.isfinite(curve).all() else ', not all of them finite'}."
        )
    return float(curve.mean())


def names_of(scores: Scores | ArrayLike) -> list[str]:
    """Return the environments, sorted; none where there is a single nameless one."""
    return sorted(scores) if isinstance(scores, Mapping) else []


def strata_of(scores: Scores | ArrayLike) -> list[NDArray]:
    """Return the scores of each environment, by their names' order.

    Raises
    ------
    ValueError
        For an environment whose scores are not (n_seeds,) finite numbers, or for none.
    """
    by_name = scores if isinstance(scores, Mapping) else {"scores": scores}
    strata = [np.asarray(by_name[name], float) for name in sorted(by_name)]
    for name, stratum in zip(sorted(by_name), strata, strict=True):
        if stratum.ndim != 1 or stratum.size == 0 or not np.isfinite(stratum).all():
            raise ValueError(
                f"Scores of {name}: expected (n_seeds,) finite numbers with n_seeds >= 1, got "
                f"{stratum!r}. Leave out the runs that did not finish."
            )
    if not strata:
        raise ValueError("Scores: expected at least one environment, got none.")
    return strata
