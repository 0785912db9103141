"""Van den Berghe et al. 2025: how surrogate slopes change size and direction of gradients.

Four hidden layers are told normal numbers and should say normal numbers. The slope changes nothing
but the gradients. A minute on one core, with PyTorch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threefactor.experiments.claims.arms import load_arm
from threefactor.experiments.claims.experiment import (
    ArmRequest,
    ArmResult,
    Bar,
    Experiment,
    Scores,
)
from threefactor.experiments.gallery.slope_network import (
    N_INPUTS,
    N_OUTPUTS,
    Floats,
    cosine,
    layer_gradients,
    slope_spec,
)
from threefactor.models.differentiable import require_torch
from threefactor.rules.streams import named_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SLOPES, STEEPEST = (1, 2, 5, 10, 25, 50, 75, 100), 100
TIMESTEPS, BATCH = 30, 32


@dataclass(frozen=True)
class Measure:
    """What the score of an arm is.

    Attributes
    ----------
    slope : int
    layer : int
        Whose weights: 0 those of the input, -1 those of the readout.
    hidden_layers : int
    is_cosine : bool
        Of the gradient with that at the steepest slope; else log10 of its mean size.
    """

    slope: int
    layer: int = 0
    hidden_layers: int = 4
    is_cosine: bool = False


BY_SLOPE = {f"slope {slope}": Measure(slope) for slope in SLOPES}
BY_LAYER = {
    "slope 100": Measure(100),
    **{f"slope 100, layer {k}": Measure(100, k - 1) for k in (2, 3, 4)},
    "slope 100, readout": Measure(100, -1),
}
COSINES = {f"cosine, slope {k}": Measure(k, is_cosine=True) for k in (1, 10, 50)}
CONTROLS = {
    "slope 1, readout": Measure(1, -1),
    "one hidden layer, slope 1": Measure(1, hidden_layers=1),
    "one hidden layer, slope 100": Measure(100, hidden_layers=1),
}
MEASURES = {**BY_SLOPE, **BY_LAYER, **COSINES, **CONTROLS}


def measure_seed(
    seed: int, slope: float, hidden_layers: int, batch: int = BATCH
) -> tuple[Floats, Floats, Floats]:
    """Return of each layer's gradient the mean size and the cosine to that at the steepest slope.

    Returns
    -------
    magnitudes, cosines : (hidden_layers + 1,)
    rates : (hidden_layers,)
        Spikes in a timestep, mean over neurons.
    """
    torch = require_torch()
    from threefactor.models.differentiable import DifferentiableNetwork

    network = DifferentiableNetwork(slope_spec(hidden_layers), seed, dtype=torch.float64)
    draw = named_generator(seed, "slope gradients").normal
    told = torch.from_numpy(draw(size=(TIMESTEPS, batch, N_INPUTS)))
    targets = torch.from_numpy(draw(size=(TIMESTEPS, batch, N_OUTPUTS)))
    network.slope = STEEPEST
    steepest = layer_gradients(network, told, targets, hidden_layers)
    network.record(f"layer{k + 1}" for k in range(hidden_layers))
    network.slope = slope
    gradients = layer_gradients(network, told, targets, hidden_layers)
    rates = [spikes.mean().item() for spikes in network.recorded().values()]
    cosines = [cosine(*pair) for pair in zip(gradients, steepest, strict=True)]
    return np.array([np.abs(g).mean() for g in gradients]), np.array(cosines), np.array(rates)


def run_arm(request: ArmRequest) -> ArmResult:
    """Measure one quantity for each seed."""
    measure = MEASURES[request.arm]
    batch = max(1, round(BATCH * request.budget))
    found = [
        measure_seed(seed, measure.slope, measure.hidden_layers, batch) for seed in request.seeds
    ]
    magnitudes, cosines, rates = (np.array(rows) for rows in zip(*found, strict=True))
    scores = cosines if measure.is_cosine else np.log10(magnitudes)
    arrays = {"magnitudes": magnitudes, "cosines": cosines, "rates": rates}
    return ArmResult(scores[:, measure.layer], arrays)


def size(scores: Scores, arm: str) -> float:
    """Return the mean size of the gradient over seeds, of scores that are logarithms."""
    return float(np.mean(10.0 ** scores[arm]))


def ratio(scores: Scores, arm: str, other: str) -> float:
    """Return how many times larger the gradient of an arm is than another's."""
    return size(scores, arm) / size(scores, other)


def is_falling(values: list[float]) -> bool:
    """Whether each value is less than the one before."""
    return bool(np.all(np.diff(values) < 0))


def _describe(folder: Path) -> dict[str, str]:
    """Return the means over seeds of all layers, at every slope."""
    arms = {arm: load_arm(folder, arm) for arm in (*BY_SLOPE, *CONTROLS)}

    def told(arm: str) -> str:
        sizes = ", ".join(f"{value:.2g}" for value in arms[arm]["magnitudes"].mean(axis=0))
        cosines = ", ".join(f"{value:.2f}" for value in arms[arm]["cosines"].mean(axis=0))
        return f"{sizes}; {cosines}"

    first, last = (arms[f"slope {k}"]["magnitudes"][:, 0] for k in (SLOPES[0], STEEPEST))
    each, rates = first / last, arms["slope 1"]["rates"].mean(axis=0)
    return {
        **{f"size; cosine (layers 1 to 4, readout), {arm}": told(arm) for arm in BY_SLOPE},
        "first layer, slope 1 over slope 100": f"{first.mean() / last.mean():.3g} (ratio of "
        f"means), {each.min():.2g} to {each.max():.2g} (single seeds)",
        "spikes in a timestep": ", ".join(f"{rate:.2f}" for rate in rates),
    }


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.slopes import draw_gradients_by_slope

    arms = [load_arm(folder, arm) for arm in BY_SLOPE]
    magnitudes, cosines = (np.array([a[name] for a in arms]) for name in ("magnitudes", "cosines"))
    return draw_gradients_by_slope(SLOPES, magnitudes, cosines)


SLOPE_GRADIENTS = Experiment(
    "In a network of four hidden layers steep surrogate slopes leave the first layer next to no "
    "gradient, and shallow ones give it another direction.",
    run_arm,
    "log10 of the mean size of the gradient by the weights of the first layer, or of the one that "
    "is named; cosine: of the first layer's gradient and that at slope 100",
    (
        Bar(
            "slope 1: at least 1e4 times slope 100 (means over seeds)",
            lambda scores: ratio(scores, "slope 1", "slope 100") >= 1e4,
        ),
        Bar(
            "cosine, slope 1: at most 0.2 (mean over seeds)",
            lambda scores: float(np.mean(scores["cosine, slope 1"])) <= 0.2,
        ),
        Bar(
            "falls with the slope (means over seeds)",
            lambda scores: is_falling([size(scores, arm) for arm in BY_SLOPE]),
        ),
        Bar(
            "slope 100: falls from the readout to the first layer (means over seeds)",
            lambda scores: is_falling([size(scores, arm) for arm in reversed(BY_LAYER)]),
        ),
        Bar(
            "slope 1, readout: at most twice slope 100, readout, and at least half",
            lambda scores: 0.5 <= ratio(scores, "slope 1, readout", "slope 100, readout") <= 2.0,
        ),
        Bar(
            "one hidden layer, slope 1: at most 100 times its slope 100",
            lambda scores: ratio(scores, *list(CONTROLS)[1:]) <= 100.0,
        ),
    ),
    arms=tuple(MEASURES),
    published="sizes 4e-6 (slope 1), 1.7e-8 (25), 1.4e-9 (50), 2.8e-11 (100), readout 4e-5; "
    "cosines 0.03 (1), 0.37 (25), 0.70 (50), 0.90 (75); read off a figure, mean of 100 repeats",
    draw=_draw,
    describe=_describe,
    n_seeds=30,
    needs=require_torch,
)  # fmt: skip
