"""Estimators of the policy gradient of stochastic units, beside the exact gradient.

Numbers -> Ising units -> softmax of actions, small enough to sum over all that the units may do. A
decision brings 1 for the action that is right for the pattern that was told, else 0; its advantage
is that less the exact expectation for the pattern. The gradient is that of the expected reward by
the weights of the hidden units. Five minutes on one core, with PyTorch.
"""

from dataclasses import dataclass
from itertools import product
from math import comb
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
from threefactor.experiments.gallery.slope_network import Floats, cosine
from threefactor.models.architectures.analog import analog_layers
from threefactor.models.differentiable import require_torch
from threefactor.models.neurons import make_neuron
from threefactor.rules.streams import named_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure


N_INPUTS, N_ACTIONS, PATTERNS = 4, 3, 6
#: Of a decision; the spikes of all but the last reach the readout within it.
TIMESTEPS = 3
#: Decisions of an update, and updates of a seed.
DECISIONS, UPDATES = 60, 300


@dataclass(frozen=True)
class Estimator:
    """What an arm measures.

    Attributes
    ----------
    hidden : int
        Ising units.
    temperature : float or None
        Of relaxed draws; None: the score of every unit, which is REINFORCE of units as agents.
    is_mean : bool
        Whether the cosine is that of the mean of all updates, which shows what the estimate tends
        to; otherwise it is the mean over single updates.
    """

    hidden: int
    temperature: float | None
    is_mean: bool = False


SIZES, TEMPERATURES = (2, 4, 8), (0.5, 1.0, 2.0)
SCORE = "units as agents"
ESTIMATORS = {
    SCORE: None,
    **{f"relaxed draws, temperature {value:g}": value for value in TEMPERATURES},
}
SINGLE = {
    f"{name}, {hidden} units": Estimator(hidden, temperature)
    for name, temperature in ESTIMATORS.items()
    for hidden in SIZES
}
MEANS = {
    f"{name}, {SIZES[-1]} units, mean of updates": Estimator(SIZES[-1], temperature, is_mean=True)
    for name, temperature in ESTIMATORS.items()
}
ARMS = {**SINGLE, **MEANS}


class Choices:
    """A network of a seed, patterns of -1 and 1, and the action that is right for each.

    Parameters
    ----------
    seed : int
    hidden : int
    """

    def __init__(self, seed: int, hidden: int) -> None:
        self._torch = torch = require_torch()
        from threefactor.models.differentiable import DifferentiableNetwork

        spec = analog_layers(
            (N_INPUTS, hidden, N_ACTIONS),
            make_neuron("ising"),
            make_neuron("readout-discrete", synapse_decay=0.0, membrane_decay=1.0),
            resets="decision",
        )
        self.network: DifferentiableNetwork = DifferentiableNetwork(spec, seed, dtype=torch.float64)
        self.network.generator = torch.Generator().manual_seed(seed)
        draw = named_generator(seed, "patterns")
        self.patterns = torch.from_numpy(draw.choice([-1.0, 1.0], size=(PATTERNS, N_INPUTS)))
        self.right = torch.from_numpy(draw.integers(N_ACTIONS, size=PATTERNS))

    def exact(self) -> tuple[Floats, Any]:
        """Return the gradient (weights,) and the expected rewards (patterns,), by summation.

        Sums over the spike counts of all units; a count of k out of n has probability
        comb(n, k)*p**k*(1 - p)**(n - k), p = 1/(1 + exp(-2*w.x)).
        """
        torch, draws = self._torch, TIMESTEPS - 1
        weights = self.network.parameter("to_layer1.weight").detach()
        hidden = weights.numel() // N_INPUTS
        weights = weights.reshape(N_INPUTS, hidden).clone().requires_grad_(True)
        counts = torch.tensor(list(product(range(draws + 1), repeat=hidden)), dtype=torch.float64)
        ways = torch.tensor([comb(draws, k) for k in range(draws + 1)], dtype=torch.float64)
        p = torch.sigmoid(2.0 * self.patterns @ weights)[:, None]
        log_odds = (counts * p.log() + (draws - counts) * (1.0 - p).log()).sum(2)
        chances = log_odds.exp() * ways[counts.long()].prod(1)
        readout = self.network.parameter("to_output.w").detach().reshape(hidden, N_ACTIONS)
        rewards = chances @ torch.softmax(counts @ readout, 1)
        expected = rewards.gather(1, self.right[:, None])[:, 0]
        expected.mean().backward()
        assert weights.grad is not None
        return weights.grad.numpy().ravel(), expected.detach()

    def update(self, temperature: float | None, decisions: int, expected: Any) -> Floats:
        """Return an estimate of the gradient (weights,) from so many decisions."""
        torch, network = self._torch, self.network
        which = torch.arange(decisions) % PATTERNS
        if temperature is not None:
            network.temperature = temperature
        network.score(temperature is None)
        membranes, _ = network(self.patterns[which], TIMESTEPS)
        drawn: Any = network.log_probability() if temperature is None else 0.0
        log_policy = torch.log_softmax(membranes, 1)
        chosen = torch.multinomial(log_policy.detach().exp(), 1, generator=network.generator)
        rewards = (chosen[:, 0] == self.right[which]).to(torch.float64)
        chosen_log = log_policy.gather(1, chosen)[:, 0] + drawn
        network.zero_grad()
        ((rewards - expected[which]) * chosen_log).mean().backward()
        gradient = network.parameter("to_layer1.weight").grad
        assert gradient is not None
        return gradient.numpy().ravel().copy()


def measure_seed(seed: int, estimator: Estimator, updates: int = UPDATES) -> dict[str, float]:
    """Return cosines to the exact gradient, and size and variance of updates in units of it.

    Returns
    -------
    dict of float
        ``single``: mean cosine of an update; ``mean``: that of the mean of them; ``size``: norm of
        that mean over the exact one; ``variance``: mean square distance of an update from the mean
        of them over the square of the exact gradient's norm.
    """
    choices = Choices(seed, estimator.hidden)
    exact, expected = choices.exact()
    found = np.array(
        [choices.update(estimator.temperature, DECISIONS, expected) for _ in range(updates)]
    )
    mean, norm = found.mean(axis=0), float(np.linalg.norm(exact))
    return {
        "single": float(np.mean([cosine(update, exact) for update in found])),
        "mean": cosine(mean, exact),
        "size": float(np.linalg.norm(mean)) / norm,
        "variance": float(found.var(axis=0).sum()) / norm**2,
    }


def run_arm(request: ArmRequest) -> ArmResult:
    """Measure one estimator in the networks of all seeds."""
    estimator = ARMS[request.arm]
    updates = max(2, round(UPDATES * request.budget))
    found = [measure_seed(seed, estimator, updates) for seed in request.seeds]
    arrays = {name: np.array([seed[name] for seed in found]) for name in found[0]}
    return ArmResult(arrays["mean" if estimator.is_mean else "single"], arrays)


def _mean(scores: Scores, arm: str) -> float:
    return float(np.mean(scores[arm]))


def _describe(folder: Path) -> dict[str, str]:
    """Return cosine of the mean, size and variance of every estimator, means over seeds."""
    facts = {}
    for arm in SINGLE:
        arrays = load_arm(folder, arm)
        facts[f"{arm}: of the mean of updates the cosine and the size; variance of an update"] = (
            f"{arrays['mean'].mean():.3f}, {arrays['size'].mean():.2f}; "
            f"{arrays['variance'].mean():.3g}"
        )
    return facts


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.estimators import draw_estimators

    return draw_estimators(
        SIZES,
        {
            name: {
                what: np.array([load_arm(folder, f"{name}, {n} units")[what] for n in SIZES])
                for what in ("single", "mean", "variance")
            }
            for name in ESTIMATORS
        },
    )


_LARGEST = f"{SIZES[-1]} units"


def _is_right_in_the_long_run(name: str) -> Bar:
    arm = f"{name}, {_LARGEST}, mean of updates"
    return Bar(f"{arm}: at least 0.9 (mean over seeds)", lambda scores: _mean(scores, arm) >= 0.9)


def _is_less_variable(name: str) -> Bar:
    arm, other = (f"{estimator}, {_LARGEST}" for estimator in (name, SCORE))
    return Bar(
        f"{arm}: at least twice {SCORE} (means over seeds)",
        lambda scores: _mean(scores, arm) >= 2.0 * _mean(scores, other),
    )


GRADIENT_ESTIMATORS = Experiment(
    "Led through relaxed draws, a policy gradient of stochastic units is biased a little and much "
    "less variable than with units as agents, and more so in larger networks.",
    run_arm,
    "cosine of estimated and exact gradient by the hidden units' weights, mean over updates of "
    f"{DECISIONS} decisions, or of the mean of {UPDATES} updates",
    (
        *(_is_right_in_the_long_run(name) for name in ESTIMATORS),
        *(_is_less_variable(name) for name in list(ESTIMATORS)[1:]),
        Bar(
            f"{SCORE}: falls with the number of units (means over seeds)",
            lambda scores: bool(
                np.all(np.diff([_mean(scores, f"{SCORE}, {n} units") for n in SIZES]) < 0)
            ),
        ),
    ),
    arms=tuple(ARMS),
    published="none found: the text of Aenugu et al. 2020 is lost, and the design is our own",
    draw=_draw,
    describe=_describe,
    needs=require_torch,
)  # fmt: skip
