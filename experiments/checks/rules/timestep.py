"""Promise about the timestep: a finer one gives nearly the same update, not another one."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.card.stimulation import Stimulated
from threefactor.experiments.checks.convergence import DIVISIONS, converges
from threefactor.experiments.checks.report import Broken, NotApplicable
from threefactor.experiments.checks.rules.bench import N_POST, N_PRE, at_learning_rate
from threefactor.experiments.checks.rules.subject import Subject
from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.specification import all_to_all
from threefactor.rules.contract import Rule
from threefactor.rules.interpreter.given_spikes import Activity, Schedule, interpret
from threefactor.rules.interpreter.plasticity import Wiring

Floats = NDArray[np.float64]

#: Windows and their length in ms; spikes fall on whole ms.
WINDOWS, WINDOW_MS = 3, 60
#: Share of neurons that spike in a ms.
ACTIVITY = 0.04
#: Initial weights in units of the weight scale: neurons told when to spike are not reset by others.
DRIVE = 0.5
#: Membrane that rules see, mV or 1: it crosses their thresholds.
V_MEAN, V_SWING, V_PERIOD_MS = -60.0, 25.0, 23.0


def timestep(subject: Subject) -> str:
    """With finer timesteps the update converges, or the rule declares `per_timestep = True`."""
    if subject.problem is not None:
        raise NotApplicable("it does not build")
    neuron = next(iter(subject.circuits.values())).neuron
    rule = _with_whole_clock(at_learning_rate(subject.rule, subject.learning_rate))
    scale = DRIVE * subject.weight_scale
    coarse, middle, fine = (_change(rule, neuron, scale, division) for division in DIVISIONS)
    size = float(np.linalg.norm(fine))
    if not all(np.all(np.isfinite(change)) for change in (coarse, middle, fine)) or not size:
        raise NotApplicable("no change of the weights, or none that is finite, by given spikes")
    far, near = (float(np.linalg.norm(change - fine)) / size for change in (coarse, middle))
    has_converged = converges(far, near)
    if rule.per_timestep and has_converged:
        raise Broken(
            "expected an update that depends on the timestep (per_timestep = True), got one that "
            "converges; leave per_timestep out."
        )
    if not rule.per_timestep and not has_converged:
        raise Broken(
            f"expected the same update by the same spikes in finer timesteps, got {far:.0%} "
            f"deviation at 1 ms and {near:.0%} at 0.5 ms from that at 0.1 ms; multiply by "
            f"dt/unit_time what each_step adds, or declare per_timestep = True."
        )
    return "per timestep, as declared" if rule.per_timestep else f"{far:.1%} off at 1 ms"


def _with_whole_clock(rule: Rule) -> Rule:
    """Return `rule` with a weight clock of whole ms, if it has one."""
    period = rule.consolidation_period_ms
    return rule if period is None else replace(rule, **{rule.weight_clock: max(1.0, round(period))})


def _change(rule: Rule, neuron: NeuronModel, scale: float, division: int) -> Floats:
    """Return what the same spikes and membrane do to the weights, (n_synapses,)."""
    generator, ms = np.random.default_rng(8), WINDOWS * WINDOW_MS
    pairs = all_to_all(N_PRE, N_POST)
    pre, post = (_spikes(generator, size, division) for size in (N_PRE, N_POST))
    third_factors, signals = generator.normal(size=(2, WINDOWS, N_POST))
    draws = generator.random((ms, N_PRE * N_POST))
    w = scale * generator.uniform(0.5, 1.5, N_PRE * N_POST)
    with np.errstate(all="ignore"):  # what is not finite is looked for
        seen = _watch(rule, neuron, pre, post, w, division)
        seen |= {name: np.repeat(draws, division, axis=0) for name in rule.noise}
        schedule = Schedule(
            np.arange(1, WINDOWS + 1) * WINDOW_MS * division, third_factors,
            episode_ends=(WINDOWS - 1,), writes=dict.fromkeys(rule.host_writes, signals),
        )  # fmt: skip
        wiring = Wiring(pairs["pre"], pairs["post"], w)
        activity = Activity(pre, post, seen)
        return interpret(rule, activity, wiring, schedule, dt_ms=1 / division).w - w


def _spikes(generator: np.random.Generator, size: int, division: int) -> NDArray[np.bool_]:
    """Return spikes in the first timestep of a ms, (steps, size)."""
    spikes = np.zeros((WINDOWS * WINDOW_MS * division, size), bool)
    spikes[::division] = generator.random((WINDOWS * WINDOW_MS, size)) < ACTIVITY
    return spikes


def _watch(
    rule: Rule,
    neuron: NeuronModel,
    pre: NDArray[np.bool_],
    post: NDArray[np.bool_],
    w: Floats,
    division: int,
) -> dict[str, Floats]:
    """Return what the rule requires of neurons that are told when to spike."""
    if not rule.requires:
        return {}
    pairs, dt_ms = all_to_all(N_PRE, N_POST), 1 / division
    stimulated = Stimulated(neuron, pairs["pre"], pairs["post"], w, dt_ms, watch=rule.requires)
    _, seen = stimulated.run(pre, post)
    if noise := [name for name, values in seen.items() if not values.any()]:
        _, free = stimulated.run(pre)  # neurons that are told when to spike have no noise
        seen |= {name: free[name] for name in noise}
    if "v" in rule.requires:
        times_ms = np.arange(1, len(pre) + 1)[:, None] * dt_ms
        wave = V_MEAN + V_SWING * np.sin(2 * np.pi * times_ms / V_PERIOD_MS + np.arange(N_POST))
        seen["v"] = wave * (1e-3 if rule.required_units.get("v") == "volt" else 1.0)
    return seen


PROMISES = (timestep,)
