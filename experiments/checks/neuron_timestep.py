"""Promises about the timestep: PSPs and rates at 1 ms are nearly those at 0.1 ms."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.convergence import DIVISIONS, converges
from threefactor.experiments.checks.neuron_trials import drive_of, measure_psps, measure_rates
from threefactor.experiments.checks.report import Broken, NotApplicable
from threefactor.models.neurons.contract import NeuronModel
from threefactor.naming import suggest
from threefactor.rules.language import parse_equations

Floats = NDArray[np.float64]

#: A weight that is small for any neuron, and the peak that PSPs are scaled to by its response: 1 mV
#: or, in a membrane without units, 1.
SMALL, PEAK = 1e-3, {"volt": 1e-3}
#: Drives that are tried, both ways, in the unit of the field; by the largest not all are finite.
LARGEST_DRIVES, N_DRIVES = (1e3, 1e2, 1e1, 1.0), 61
#: Noisy neurons at each drive.
COPIES = 200
#: Rates at 1 ms between which a f-I curve is measured, and the largest number of its points.
LOWEST_HZ, HIGHEST_HZ, POINTS = 20.0, 40.0, 12


def psp_area(neuron: NeuronModel) -> str:
    """Give PSPs an area that `largest_psp_error` bounds at 1 ms and that converges with dt."""
    if not neuron.ports:
        raise NotApplicable("no PSPs: it has no ports")
    units = parse_equations(neuron.equations).units
    if neuron.membrane not in units:
        raise Broken(
            f"expected a variable {neuron.membrane!r} that PSPs are measured in, got none."
            f"{suggest(neuron.membrane, units)} Name one in `membrane`: {', '.join(units)}."
        )
    peak = PEAK.get(units[neuron.membrane], 1.0)
    quiet = replace(neuron, **dict.fromkeys(neuron.noise_fields, 0.0))
    areas = {port: found for port in neuron.ports if (found := _areas(quiet, port, peak))}
    if not areas:
        raise Broken(
            f"expected input that moves {neuron.membrane!r}, got none; name in `membrane` the "
            f"variable that PSPs are measured in."
        )
    return _judge(neuron, "largest_psp_error", "the area of a PSP", *np.array([*areas.values()]).T)


def rate(neuron: NeuronModel) -> str:
    """Spike by constant drives with rates that `largest_rate_error` bounds, and that converge."""
    if neuron.takes:
        raise NotApplicable(f"no f-I curve: it is told {neuron.takes}")
    if not neuron.threshold:
        raise NotApplicable("no f-I curve: it has no threshold")
    if not (drive_of(neuron) or neuron.ports):
        raise NotApplicable("no f-I curve: it has neither a port nor the parameter of `drive`")
    drives = _drives(neuron)
    rates = (measure_rates(neuron, drives, division, COPIES) for division in DIVISIONS)
    return _judge(neuron, "largest_rate_error", "the rate by a constant drive", *rates)


def _areas(neuron: NeuronModel, port: str, peak: float) -> list[float]:
    """Return the area of a PSP with that peak, for each timestep; empty: input moves nothing."""
    response = np.abs(measure_psps(neuron, port, np.array([SMALL]), 1)).max()
    if not response:
        return []
    weights = np.array([SMALL * peak / response])
    psps = (measure_psps(neuron, port, weights, division)[:, 0] for division in DIVISIONS)
    return [float(np.trapezoid(psp, dx=1 / n)) for psp, n in zip(psps, DIVISIONS, strict=True)]


def _drives(neuron: NeuronModel) -> Floats:
    """Return drives by which the rates at 1 ms lie between the lowest and the highest."""
    rates = np.zeros(1)
    for largest in LARGEST_DRIVES:
        sizes = np.geomspace(1e-6 * largest, largest, N_DRIVES)
        tried = np.concatenate([-sizes[::-1], [0.0], sizes])
        try:
            rates = measure_rates(neuron, tried, 1)
        except FloatingPointError:
            if largest == LARGEST_DRIVES[-1]:
                raise
            continue
        rises = np.flatnonzero((rates[:-1] < LOWEST_HZ) & (rates[1:] >= LOWEST_HZ))
        if rises.size:
            first = rises[np.abs(tried[rises]).argmin()]
            above = np.append(np.flatnonzero(rates > HIGHEST_HZ), rates.size - 1)
            ends = tried[first], tried[above[above > first][0]]
            return _between(neuron, np.linspace(*ends, N_DRIVES))
        break
    what = f"drives of `{drive_of(neuron)}`" if drive_of(neuron) else "input"
    raise Broken(
        f"expected rates that rise above {LOWEST_HZ:g} Hz by some {what}, got {rates.min():.3g} to "
        f"{rates.max():.3g} Hz; name in `drive` the parameter that drives it constantly."
    )


def _between(neuron: NeuronModel, drives: Floats) -> Floats:
    """Return some of the drives: those by which the rates lie between the lowest and highest."""
    rates = measure_rates(neuron, drives, 1)
    fits = (rates >= LOWEST_HZ) & (rates <= HIGHEST_HZ)
    found = np.flatnonzero(fits if fits.any() else rates >= LOWEST_HZ)
    return drives[found[np.unique(np.linspace(0, found.size - 1, POINTS).round().astype(int))]]


def _judge(neuron: NeuronModel, promise: str, what: str, *measured: Floats) -> str:
    """Return the errors against the finest timestep, or raise Broken.

    Parameters
    ----------
    promise : str
        Name of the largest error.
    measured : (n,) for each timestep
        At each port or drive.
    """
    errors = [_relative(np.array(values), np.array(measured[-1])) for values in measured[:-1]]
    far, near = (float(error[np.abs(error).argmax()]) for error in errors)
    sizes = [float(np.abs(error).mean()) for error in errors]
    has_shrunk = math.isfinite(sizes[0]) and converges(*sizes)
    got = f"{far:+.2%} at 1 ms and {near:+.2%} at 0.5 ms from {what} at 0.1 ms"
    allowed = getattr(neuron, promise)
    if math.isinf(allowed):
        if has_shrunk:
            raise Broken(
                f"expected {what} to depend on the timestep ({promise} = inf), got one that "
                f"converges, {got}; promise a size such as {_rounded_up(far)}."
            )
        return f"per timestep, as declared: {got}"
    if not has_shrunk:
        raise Broken(
            f"expected an error that shrinks with the timestep, got {got}; multiply by dt what "
            f"every timestep adds, or declare {promise} = inf and say in Limits what timestep the "
            f"neuron is made for."
        )
    if neuron != type(neuron)():
        return f"{far:+.2%} at 1 ms, {near:+.2%} at 0.5 ms; promises are of its defaults"
    if abs(far) > allowed:
        raise Broken(
            f"expected an error of at most {allowed:.2%} ({promise}), got {got}; integrate exactly "
            f"within the step what decays in it, or declare {promise} = {_rounded_up(far)} and say "
            f"so in Limits."
        )
    return f"{far:+.2%} at 1 ms, {near:+.2%} at 0.5 ms, at most {allowed:.2%} promised"


def _relative(values: Floats, finest: Floats) -> Floats:
    """Return relative errors; of zero, none is 0 and any is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values == finest, 0.0, values / finest - 1)


def _rounded_up(error: float) -> float:
    """Return the size of an error and a tenth, in whole percents."""
    return math.ceil(110 * abs(error)) / 100
