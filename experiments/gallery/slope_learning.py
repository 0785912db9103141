"""Supervised learning by gradients of three surrogate slopes, at two depths.

A network of soft-reset neurons imitates a small fixed network of tanh units, whose weights are
drawn for each seed, over sequences of slowly changing numbers. Every arm has the same choice of
learning rates, made on other seeds than those reported. About ten minutes on one core, with
PyTorch.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    slope_spec,
    square_error,
    weight_names,
)
from threefactor.models.differentiable import require_torch
from threefactor.rules.streams import named_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ITERATIONS, POINTS = 300, 10
TIMESTEPS, WARM_UP, BATCH, TESTED = 30, 10, 32, 128
#: What a timestep leaves of what is told, and of a readout.
PERSISTENCE, READOUT_DECAY = 0.9, 0.5
TEACHER_WIDTH, TEACHER_GAIN = 16, 1.5
RATES, TUNING_SEEDS = (3e-3, 1e-2, 3e-2), (100, 101)


@dataclass(frozen=True)
class Training:
    """What is trained in an arm.

    Attributes
    ----------
    hidden_layers : int
    slope : float
    is_readout_alone : bool
        Whether the hidden layers keep their weights: the derivative of spikes is 0.
    is_trained : bool
    """

    hidden_layers: int
    slope: float = 2.0
    is_readout_alone: bool = False
    is_trained: bool = True


DEPTHS, SLOPES = (2, 4), (2, 50, 100)
READOUT, UNTRAINED = "readout alone", "untrained"
ARMS = {
    f"{depth} layers, {what}": training
    for depth in DEPTHS
    for what, training in {
        **{f"slope {slope}": Training(depth, slope) for slope in SLOPES},
        READOUT: Training(depth, is_readout_alone=True),
        UNTRAINED: Training(depth, is_trained=False),
    }.items()
}


class Imitation:
    """Sequences of numbers, and what the teacher of a seed answers.

    Parameters
    ----------
    seed : int
    delay : int
        Timesteps that answers are late, as spikes are that pass so many layers.
    """

    def __init__(self, seed: int, delay: int) -> None:
        draw = named_generator(seed, "teacher").normal
        self._first = draw(size=(N_INPUTS, TEACHER_WIDTH)) / N_INPUTS**0.5
        self._second = draw(size=(TEACHER_WIDTH, N_OUTPUTS)) * TEACHER_GAIN / TEACHER_WIDTH**0.5
        self._delay = delay

    def draw(self, generator: np.random.Generator, batch: int) -> tuple[Floats, Floats]:
        """Return what is told (timesteps, batch, 18), of variance 1, and targets (..., 4)."""
        told = generator.normal(size=(TIMESTEPS, batch, N_INPUTS))
        for t in range(1, TIMESTEPS):
            told[t] = PERSISTENCE * told[t - 1] + (1.0 - PERSISTENCE**2) ** 0.5 * told[t]
        answers = np.tanh(np.tanh(told @ self._first) @ self._second)
        # The first answers come round from the end of the sequence: they are in the warm-up.
        return told, np.roll(answers, self._delay, axis=0)


def train(seed: int, training: Training, rate: float, iterations: int) -> tuple[Floats, Floats]:
    """Train a network with Adam.

    Returns
    -------
    iterations, losses : (n_points,)
        Square error on sequences that training never sees, as a share of the targets' variance.
    """
    torch = require_torch()
    from threefactor.models.differentiable import DifferentiableNetwork

    spec = slope_spec(training.hidden_layers, READOUT_DECAY)
    names = weight_names(spec)[-1:] if training.is_readout_alone else None
    network = DifferentiableNetwork(spec, seed, names, training.slope)
    task = Imitation(seed, training.hidden_layers)
    told, targets = task.draw(named_generator(seed, "test sequences"), TESTED)
    variance = float(targets[WARM_UP:].var())

    def loss(told: Floats, targets: Floats) -> Any:
        shown, wanted = (torch.from_numpy(array.astype(np.float32)) for array in (told, targets))
        return square_error(network, shown, wanted, WARM_UP)

    def tested() -> float:
        with torch.no_grad():
            return float(loss(told, targets)) / variance

    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.Adam(trained, rate)
    sequences = named_generator(seed, "sequences")
    stops = np.unique(np.linspace(0, iterations, POINTS + 1).round().astype(int))
    losses = [tested()]
    for first, last in zip(stops, stops[1:], strict=False):
        for _ in range(first, last):
            optimiser.zero_grad()
            loss(*task.draw(sequences, BATCH)).backward()
            optimiser.step()
        losses.append(tested())
    return stops, np.array(losses)


def run_arm(request: ArmRequest) -> ArmResult:
    """Choose a learning rate on the tuning seeds, then train all seeds; the score is the loss."""
    training = ARMS[request.arm]
    iterations = max(1, round(ITERATIONS * request.budget)) if training.is_trained else 0
    tuning = np.zeros((len(RATES), len(TUNING_SEEDS)))
    if training.is_trained:
        tuning[:] = [
            [train(seed, training, rate, iterations)[1][-1] for seed in TUNING_SEEDS]
            for rate in RATES
        ]
    rate = RATES[int(np.argmin(tuning.mean(axis=1)))]
    curves = [train(seed, training, rate, iterations) for seed in request.seeds]
    losses = np.array([values for _, values in curves])
    if training.is_trained:
        request.say(f"  learning rate {rate:g}, loss {losses[:, -1].mean():.3f}")
    arrays = {"iterations": curves[0][0], "losses": losses, "rate": rate, "tuning": tuning}
    return ArmResult(losses[:, -1], {name: np.asarray(a) for name, a in arrays.items()})


def spread(scores: Scores, depth: int) -> float:
    """Return the largest loss of the slopes over the smallest, of means over seeds."""
    means = [float(np.mean(scores[f"{depth} layers, slope {slope}"])) for slope in SLOPES]
    return max(means) / min(means)


def all_halve(scores: Scores, depth: int, control: str) -> bool:
    """Whether at every slope the loss is at most half of the control's, in the mean over seeds."""
    limit = 0.5 * float(np.mean(scores[f"{depth} layers, {control}"]))
    return all(np.mean(scores[f"{depth} layers, slope {slope}"]) <= limit for slope in SLOPES)


def _bars(depth: int) -> tuple[Bar, ...]:
    return (
        Bar(
            f"{depth} layers: losses of slopes 2, 50 and 100 differ by less than 20 % (means over "
            "seeds)",
            lambda scores: spread(scores, depth) < 1.2,
        ),
        *(
            Bar(
                f"{depth} layers: every slope at most half of {control} (means over seeds)",
                partial(all_halve, depth=depth, control=control),
            )
            for control in (READOUT, UNTRAINED)
        ),
    )


def _describe(folder: Path) -> dict[str, str]:
    """Return what was chosen for each arm, and how far the slopes are apart."""
    arms = {arm: load_arm(folder, arm) for arm in ARMS}
    facts = {}
    for depth in DEPTHS:
        scores = {arm: arrays["scores"] for arm, arrays in arms.items()}
        shares = (1.0 - scores[f"{depth} layers, slope {slope}"].mean() for slope in SLOPES)
        facts[f"{depth} layers, largest loss over smallest"] = f"{spread(scores, depth):.2f}"
        facts[f"{depth} layers, share of variance explained at slopes 2, 50, 100"] = ", ".join(
            f"{share:.3f}" for share in shares
        )
    for arm in (arm for arm, training in ARMS.items() if training.is_trained):
        tried = ", ".join(f"{x:.3f}" for x in arms[arm]["tuning"].mean(axis=1))
        facts[f"{arm}, learning rate"] = (
            f"{float(arms[arm]['rate']):g}, of {', '.join(f'{rate:g}' for rate in RATES)} "
            f"with losses {tried} on seeds {TUNING_SEEDS[0]} to {TUNING_SEEDS[-1]}"
        )
    return facts


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.slopes import draw_losses_by_slope

    arms = {arm: load_arm(folder, arm) for arm in ARMS}
    return draw_losses_by_slope({
        f"{depth} hidden layers": {
            arm.partition(", ")[2]: (arrays["iterations"], arrays["losses"])
            for arm, arrays in arms.items()
            if ARMS[arm].hidden_layers == depth
        }
        for depth in DEPTHS
    })  # fmt: skip


SLOPE_LEARNING_SUPERVISED = Experiment(
    "Supervised learning ends with the same loss whatever the slope of the surrogate.",
    run_arm,
    f"square error after {ITERATIONS} iterations on sequences that were not trained, as a share of "
    "the targets' variance",
    tuple(bar for depth in DEPTHS for bar in _bars(depth)),
    arms=tuple(ARMS),
    published="imitation of a flying guide, best return at slopes 2, 50, 100: 232, 259, 222",
    draw=_draw,
    describe=_describe,
    needs=require_torch,
)
