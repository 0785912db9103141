"""Panel of gradient alignment: the mean update of a small network against its exact gradient.

Three inputs (two bits and a constant one) reach two memoryless stochastic units in one decision.
The action is that of the unit that spikes alone, else a fair coin; it is right if it is the XOR of
the bits, and the third factor is the reward, +1 or -1, or the reward minus what is to be expected
at these bits: a perfect critic.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from threefactor.experiments.checks.card.bench import Bench, Floats
from threefactor.experiments.checks.card.credit import best_delay
from threefactor.experiments.checks.card.gradient_sampled import NoisyNetwork
from threefactor.experiments.checks.card.panel import Panel
from threefactor.experiments.checks.card.stimulation import Stimulated
from threefactor.models.neurons.bernoulli import Ising
from threefactor.rules.contract import AGREEMENT, scaled
from threefactor.rules.interpreter import Activity, Wiring, interpret

PATTERNS = np.array([[a, b, 1] for a, b in product((0, 1), repeat=2)], float)
TARGETS = PATTERNS[:, 0] != PATTERNS[:, 1]
INPUTS, UNITS, BOUND = 3, 2, 5.0
SAMPLES, RESAMPLES, GENTLE_LEARNING = 40_000, 200, 1e-6
#: Samples times timesteps, for rules whose credit comes late.
LARGEST_RUN = 4e6
#: Weights at which the gradient is large: a unit for each action, each half right.
WEIGHTS = np.array([[0.7, -0.9], [-0.5, 0.8], [0.3, -0.2]])


def expected_rewards(w: Floats) -> Floats:
    """Return each pattern's expected reward at weights (inputs, units): all outcomes enumerated."""
    p = 0.5 * (1 + np.tanh(PATTERNS @ w))
    total = np.zeros(len(PATTERNS))
    for z in product((0, 1), repeat=UNITS):
        probability = np.prod(np.where(z, p, 1 - p), axis=1)
        second = 0.5 if z[0] == z[1] else float(z[1])
        right = np.where(TARGETS, second, 1 - second)
        total += probability * (2 * right - 1)
    return total


def expected_reward(w: Floats) -> float:
    """Return the expected reward, every pattern as often as any other."""
    return float(expected_rewards(w).mean())


def exact_gradient(w: Floats, step: float = 1e-5) -> Floats:
    """Return the gradient of `expected_reward`, central differences of the enumeration."""
    gradient = np.zeros_like(w)
    for index in np.ndindex(w.shape):
        shift = np.zeros_like(w)
        shift[index] = step
        gradient[index] = (expected_reward(w + shift) - expected_reward(w - shift)) / (2 * step)
    return gradient


def gradient_alignment(
    bench: Bench, budget: float = 1.0, seed: int = 1, reward_sign: float = 1.0
) -> Panel:
    """Measure the cosine between the mean update and the gradient of reward, and its spread.

    Rules that a memoryless unit serves are compared with the enumerated gradient, rules that read a
    noisy membrane with finite differences (`experiments.checks.card.gradient_sampled`).
    """
    title = "Gradient alignment"
    reason = _unsuitable(bench)
    if reason:
        return Panel(title, reason=reason)
    most = min(SAMPLES * min(budget, 1.0), LARGEST_RUN / (2 + best_delay(bench)))
    samples = max(400, round(most)) // len(PATTERNS) * len(PATTERNS)
    if _is_enumerable(bench):
        gradient, error = exact_gradient(WEIGHTS), np.zeros_like(WEIGHTS)
        trial = _decide(bench, samples, seed)
        critic = expected_rewards(WEIGHTS)
    else:
        network = NoisyNetwork(bench, PATTERNS, samples, seed)
        gradient, error = network.gradient(TARGETS)
        trial = _decide_noisily(network)
        rewards = network.expected(trial.votes, TARGETS)
        critic = rewards.reshape(-1, len(PATTERNS)).mean(axis=0)
    arrays = {"gradient": gradient.ravel(), "gradient_error": error.ravel()}
    numbers: dict[str, float | str] = {}
    for number, update in enumerate(_updates(bench, trial, critic, seed, reward_sign)):
        mean = update.mean(axis=0)
        if not np.linalg.norm(mean) > 0:
            return Panel(title, reason="the reward moves no weight in one decision of the network")
        spread = float(np.sqrt(update.var(axis=0, ddof=1).sum()))
        name = ("reward", "reward minus its expectation")[number]
        numbers |= {
            f"cosine, {name}": _cosine(mean, gradient.ravel()),
            f"standard error of the cosine, {name}": _cosine_error(
                update, gradient.ravel(), error.ravel(), seed
            ),
            f"signal to noise per sample, {name}": float(np.linalg.norm(mean)) / spread,
        }
        slope = float(mean @ gradient.ravel() / np.sum(gradient**2))
        numbers[f"slope over learning rate, {name}"] = slope / (bench.rule.learning_rate or 1.0)
        suffix = ("", "_critic")[number]
        arrays[f"update{suffix}"] = mean
        arrays[f"update_error{suffix}"] = update.std(axis=0, ddof=1) / np.sqrt(samples)
    numbers |= {
        "samples": float(samples),
        "expected reward": float(critic.mean()),
        "gradient by": "enumeration" if _is_enumerable(bench) else "finite differences",
    }
    return Panel(title, arrays, numbers)


def _is_enumerable(bench: Bench) -> bool:
    return set(bench.rule.requires) <= set(Ising().exposes)


def _unsuitable(bench: Bench) -> str:
    """Return why the small network says nothing about the rule."""
    if not bench.reads_third_factor:
        return "the rule reads no third factor"
    if bench.rule.noise:
        return "the rule explores with the release of its synapses, not with its neurons"
    if _is_enumerable(bench):
        return ""
    known = {name.removesuffix("_mv") for name in type(bench.neuron).__dataclass_fields__}
    if "noise" not in bench.neuron.noise or not {"v_threshold", "v_rest"} <= known:
        return f"its neuron here ({bench.neuron_name}) is deterministic: it explores nothing"
    return ""


@dataclass(frozen=True)
class Trial:
    """One decision of many independent networks: synapses, activity, votes, (samples, units)."""

    pre: np.ndarray
    post: np.ndarray
    weights: Floats
    pre_spikes: np.ndarray
    post_spikes: np.ndarray
    seen: dict[str, np.ndarray]
    votes: Floats
    end: int


def _decide(bench: Bench, samples: int, seed: int) -> Trial:
    """Let memoryless units decide once: input in the first timestep, the draw in the second."""
    delay, rule = best_delay(bench), bench.rule
    steps = 2 + delay + _clock(bench)
    pattern = np.arange(samples) % len(PATTERNS)
    pre_spikes = np.zeros((steps, samples * INPUTS), bool)
    pre_spikes[0] = PATTERNS[pattern].astype(bool).ravel()
    sample, i, k = (axis.ravel() for axis in np.indices((samples, INPUTS, UNITS)))
    pre, post = sample * INPUTS + i, sample * UNITS + k
    weights = np.tile(WEIGHTS.ravel(), samples)
    units = Stimulated(Ising(), pre, post, weights, bench.dt_ms, seed, rule.requires)
    silent = np.zeros((steps, samples * UNITS), bool)
    parts = [
        units.run(pre_spikes[:1], silent[:1]),
        units.run(pre_spikes[1:2]),
        units.run(pre_spikes[2:], silent[2:]),
    ]
    post_spikes = np.concatenate([spikes for spikes, _ in parts])
    seen = {name: np.concatenate([rows[name] for _, rows in parts]) for name in rule.requires}
    if "score" in seen:  # silence after the decision is imposed, not drawn
        seen["score"][2:] = 0.0
    votes = post_spikes[1].reshape(samples, UNITS).astype(float)
    return Trial(pre, post, weights, pre_spikes, post_spikes, seen, votes, 2 + delay)


def _decide_noisily(network: NoisyNetwork) -> Trial:
    """Let noisy neurons decide once; the third factor comes at the end of the window."""
    done = network.run(network.weights, network.bench.rule.requires)
    weights = np.tile(network.weights.ravel(), network.samples)
    end = len(done.pre_spikes)
    return Trial(
        network.pre, network.post, weights, done.pre_spikes, done.post_spikes, done.seen,
        done.counts.astype(float), end,
    )  # fmt: skip


def _clock(bench: Bench) -> int:
    """Return the timesteps until a weight clock has ticked, 0 without one."""
    period = bench.rule.consolidation_period_ms
    return bench.steps(period) if period else 0


def _updates(
    bench: Bench, trial: Trial, critic: Floats, seed: int, reward_sign: float
) -> list[Floats]:
    """Return the weight changes of each sample, (samples, synapses), without and with a critic."""
    votes, samples = trial.votes, len(trial.votes)
    pattern = np.arange(samples) % len(PATTERNS)
    coin = np.random.default_rng(seed).random(samples) < 0.5
    action = np.where(votes[:, 0] == votes[:, 1], coin, votes[:, 1] > votes[:, 0])
    reward = reward_sign * np.where(action == TARGETS[pattern], 1.0, -1.0)
    schedule = bench.schedule(np.array([trial.end]), np.zeros((1, votes.size)), votes.size)
    agrees = (votes > 0) == (np.arange(UNITS)[None, :] == action[:, None])
    agreement = np.where(agrees, 1.0, -1.0).reshape(1, -1)
    writes = bench.rule.host_writes.items()
    written = {variable: agreement for variable, signal in writes if signal == AGREEMENT}
    schedule = replace(schedule, writes={**schedule.writes, **written})
    bound = max(BOUND, 2 * float(np.abs(trial.weights).max()))
    updates = []
    for third_factor in (reward, reward - reward_sign * critic[pattern]):
        result = interpret(
            scaled(bench.rule, GENTLE_LEARNING),
            Activity(trial.pre_spikes, trial.post_spikes, trial.seen),
            Wiring(trial.pre, trial.post, trial.weights, -bound, bound),
            replace(schedule, third_factors=np.repeat(third_factor, UNITS)[None, :]),
            bench.dt_ms,
        )
        change = (result.w - trial.weights) / GENTLE_LEARNING
        updates.append(change.reshape(samples, -1))
    return updates


def _cosine_error(update: Floats, gradient: Floats, error: Floats, seed: int) -> float:
    """Return the bootstrapped standard error of the cosine, `error` the gradient's own."""
    generator, samples = np.random.default_rng(seed), len(update)
    cosines = []
    for _ in range(RESAMPLES):
        counts = np.bincount(generator.integers(samples, size=samples), minlength=samples)
        noisy = gradient + error * generator.standard_normal(gradient.size)
        cosines.append(_cosine(counts @ update, noisy))
    return float(np.std(cosines, ddof=1))


def _cosine(one: Floats, other: Floats) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
