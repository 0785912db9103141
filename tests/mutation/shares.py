"""The share of all mutants that tests kill, from draws."""

import math


def share_of_all(strata: list[tuple[int, int, int]]) -> tuple[float, float]:
    """Return the share killed of all mutants, and half its 95 % interval, from draws of each file.

    Parameters
    ----------
    strata : list of (number of mutants, tested, killed), one for each file
        Shares are weighted by the number of mutants. Of a file of which all drawn were killed the
        variance is that of (killed + 1)/(tested + 2), and none where all mutants were tested.
    """
    total = sum(number for number, _, _ in strata)
    share = sum(number * killed / tested for number, tested, killed in strata) / total
    variance = 0.0
    for number, tested, killed in strata:
        smoothed = (killed + 1) / (tested + 2)
        left = 1 - tested / number
        variance += (number / total) ** 2 * smoothed * (1 - smoothed) / tested * left
    return share, 1.96 * math.sqrt(variance)
