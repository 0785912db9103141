"""Bellec et al. 2020: e-prop teaches a recurrent spiking network a target curve.

All seeds run as replicas of one network, 500 iterations of 1 s. About 25 minutes on one core.

Seed 0 draws what the authors' program draws, and its first five losses must be the published ones.
Their program works in single precision, ours in double on weights rounded once: hence 1e-7.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.arms import load_arm
from threefactor.experiments.claims.experiment import (
    ArmRequest,
    ArmResult,
    Bar,
    Experiment,
    below,
    halves,
)
from threefactor.experiments.gallery.regression_network import (
    OUTPUT_SCALE,
    N,
    draw_regression,
    regression_spec,
    show_pattern,
    write_draws,
)
from threefactor.rules.streams import named_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED = (101.964363, 103.466736, 103.340606, 103.680244, 104.412781)
ITERATIONS, ADAM_STEP = 500, 3e-3
RANDOM, SYMMETRIC, ADAM = "random feedback", "symmetric feedback", "Adam"
READOUT, SHUFFLED = "readout alone", "shuffled feedback"
UNTRAINED, FIRST = "untrained twin", "first five losses"


def run_arm(request: ArmRequest) -> ArmResult:
    """Train one arm; its score is the loss of the last iteration."""
    if request.arm == FIRST:
        return ArmResult(_deviation(load_arm(request.folder.parent, RANDOM)["losses"]))
    draws = [draw_regression(seed) for seed in request.seeds]
    spec = regression_spec(ADAM_STEP if request.arm == ADAM else None)
    is_learning = request.arm != UNTRAINED
    network = request.open_network(spec, is_learning)
    write_draws(network, draws)
    if request.arm == READOUT:
        for name in ("inputs", "recurrent"):
            network.engine.array(f"{name}.learning_rate")[:] = 0.0
    # Without learning every iteration is the same.
    iterations = max(len(PUBLISHED), round(ITERATIONS * request.budget)) if is_learning else 1
    feedback = network.replicated("feedback.weight")
    shuffle = _Shuffle(request.seeds, feedback)
    losses: list[NDArray[np.float64]] = []
    for iteration in range(iterations):
        if request.arm == SYMMETRIC:
            feedback[...] = -network.replicated("output.w") / OUTPUT_SCALE
        elif request.arm == SHUFFLED:
            feedback[...] = shuffle.draw()
        loss, outputs = show_pattern(network, draws)
        losses.append(loss)
        if iteration == 0:
            first_outputs = outputs
        if (iteration + 1) % 50 == 0:
            request.say(f"  iteration {iteration + 1}: mean loss {loss.mean():.1f}")
    network.close()
    targets = np.stack([draw.target for draw in draws], axis=1)
    arrays = {"losses": np.array(losses), "outputs": outputs, "targets": targets}
    return ArmResult(losses[-1], {**arrays, "first_outputs": first_outputs})


def _deviation(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest relative deviation from the published losses, 1e-9, (1,)."""
    return np.array([np.abs(losses[: len(PUBLISHED), 0] / PUBLISHED - 1.0).max() * 1e9])


class _Shuffle:
    """Feedback vectors whose neurons are permuted anew at each draw, one row for each seed."""

    def __init__(self, seeds: tuple[int, ...], feedback: NDArray[np.float64]) -> None:
        self._generators = [named_generator(seed, "shuffled feedback") for seed in seeds]
        self._feedback = feedback.copy()

    def draw(self) -> NDArray[np.float64]:
        rows = zip(self._generators, self._feedback, strict=True)
        return np.array([row[generator.permutation(N)] for generator, row in rows])


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.figures import draw_regression_learning

    arms = {arm: load_arm(folder, arm) for arm in EPROP_REGRESSION.arms if arm != FIRST}
    return draw_regression_learning(arms)


EPROP_REGRESSION = Experiment(
    "E-prop in a recurrent spiking network repeats the published losses and learns the target "
    "better than its readout alone.",
    run_arm,
    f"last loss (half the squared error, summed over 1000 steps); {FIRST}: "
    "largest relative deviation from the published, 1e-9",
    (
        Bar(
            f"{FIRST}: at most 100 (relative deviation 1e-7)",
            lambda scores: float(scores[FIRST].max()) <= 100.0,
        ),
        below(RANDOM, READOUT),
        below(SYMMETRIC, READOUT),
        below(ADAM, READOUT),
        below(RANDOM, SHUFFLED),
        below(SYMMETRIC, SHUFFLED),
        halves(RANDOM, UNTRAINED),
    ),
    arms=(RANDOM, SYMMETRIC, ADAM, READOUT, SHUFFLED, UNTRAINED, FIRST),
    published=f"seed 0, iterations 1 to 5: {' '.join(map(str, PUBLISHED))}",
    draw=_draw,
)
