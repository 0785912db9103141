"""Promises of modulators, tried on random episodes of a few replicas."""

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.report import Broken, NotApplicable
from threefactor.experiments.checks.settings import SETTINGS
from threefactor.rules.modulators import (
    BoundModulator,
    Host,
    Modulator,
    Reinforcement,
    ThirdFactor,
    bind_normalised,
)

REPLICAS, DECISIONS, FEATURES, STIMULI, WINDOW_MS = 4, 60, 5, 3, 20.0
#: Decisions that a prediction may take to become one, and the error that it may keep.
PATIENCE, KEPT_ERROR = 5000, 0.01

#: Critic activity of the window, the outcome, and the replicas whose episode it ends.
Decision = tuple[NDArray, Reinforcement, NDArray]


def host(n_replicas: int) -> Host:
    """Return where modulators are tried."""
    return Host(n_replicas, WINDOW_MS, STIMULI)


def _history(seed: int = 0) -> list[Decision]:
    """Return decisions with random rewards; some end an episode, some replicas take no part."""
    generator = np.random.default_rng(seed)
    found: list[Decision] = []
    for _ in range(DECISIONS):
        ends = generator.random((2, REPLICAS)) < 0.05
        active = generator.random(REPLICAS) < 0.8
        terminated, truncated = ends[0] & active, ends[1] & ~ends[0] & active
        values = generator.normal(size=REPLICAS)
        outcome = Reinforcement(
            generator.normal(size=REPLICAS) * active, terminated, truncated, active,
            values=values,
            features=generator.random((REPLICAS, FEATURES)),
            next_features=generator.random((REPLICAS, FEATURES)),
            stimuli=(np.arange(REPLICAS) + len(found)) % STIMULI,
        )  # fmt: skip
        found.append((values, outcome, terminated | truncated))
    return found


def _one_replica(history: list[Decision], replica: int) -> list[Decision]:
    rows = slice(replica, replica + 1)
    return [
        (
            values[rows],
            Reinforcement(**{f.name: getattr(o, f.name)[rows] for f in fields(o)}),
            ended[rows],
        )
        for values, o, ended in history
    ]


def _play(modulator: Modulator, bound: BoundModulator, history: list[Decision]) -> list[NDArray]:
    """Return what is delivered to each replica in each decision, (2, replicas, n)."""
    width = 1 + sum(modulator.vectors.values())
    delivered = []
    for values, outcome, ended in history:
        pair = (bound.on_window(values, outcome.active), bound.on_outcome(outcome))
        delivered.append(
            np.array([np.zeros((len(values), width)) if g is None else _rows(g) for g in pair])
        )
        bound.reset(ended)
    return delivered


def _rows(given: NDArray | ThirdFactor) -> NDArray:
    """Return all that belongs to each replica, (replicas, n)."""
    parts = [given.scalar, *given.vectors.values()] if isinstance(given, ThirdFactor) else [given]
    return np.concatenate([np.reshape(part, (len(part), -1)) for part in parts], axis=1)


def vectors(modulator: Modulator) -> str:
    """Give neurons third factors of their own where it declares so, and nowhere else."""
    bound, declared = bind_normalised(modulator, host(REPLICAS)), dict(modulator.vectors)
    for values, outcome, ended in _history():
        for given in (bound.on_window(values, outcome.active), bound.on_outcome(outcome)):
            if given is None:
                continue
            own = given.vectors if isinstance(given, ThirdFactor) else {}
            found = {name: np.shape(vector)[1:] for name, vector in own.items()}
            if found != {name: (size,) for name, size in declared.items()}:
                raise Broken(f"expected the vectors that it declares, {declared}, got {found}.")
            scalar = given.scalar if isinstance(given, ThirdFactor) else given
            if np.shape(scalar) != (REPLICAS,):
                raise Broken(f"expected a scalar of shape ({REPLICAS},), got {np.shape(scalar)}.")
        bound.reset(ended)
    return ", ".join(f"{size} for {name or 'the output'}" for name, size in declared.items())


def finite(modulator: Modulator) -> str:
    """Deliver finite third factors, and 0 to replicas that are not active."""
    history = _history()
    sizes = []
    delivered = _play(modulator, bind_normalised(modulator, host(REPLICAS)), history)
    for given, (_, outcome, _) in zip(delivered, history, strict=True):
        if not np.all(np.isfinite(given)):
            raise Broken(f"expected finite third factors, got {given[~np.isfinite(given)][0]}.")
        if np.any(given[:, ~outcome.active]):
            raise Broken("expected third factor 0 for replicas that are not active, got others.")
        sizes.append(float(np.abs(given).max()))
    return f"up to {max(sizes):.2g} for rewards of about 1"


def constant_reward(modulator: Modulator) -> str:
    """Predict a constant reward, so that the third factor tends to 0, if it declares so."""
    if not modulator.predicts:
        raise NotApplicable("declares predicts = False")
    everyone, nobody = np.ones(1, bool), np.zeros(1, bool)
    features = np.eye(1, FEATURES)
    bound = bind_normalised(modulator, host(1))
    last: list[float] = []
    for _ in range(PATIENCE):
        outcome = Reinforcement(
            np.ones(1), nobody, nobody, everyone, np.zeros(1), features, features, np.zeros(1, int)
        )
        delivered = _play(modulator, bound, [(np.zeros(1), outcome, nobody)])
        last = [*last[-9:], float(np.abs(delivered[0]).max())]
        if max(last) < KEPT_ERROR and len(last) == 10:
            return ""
    raise Broken(
        f"expected a third factor below {KEPT_ERROR} after {PATIENCE} rewards of 1, got "
        f"{max(last):.2g}; leave predicts out if it is not to learn what to expect."
    )


def inactive(modulator: Modulator) -> str:
    """Leave the state of replicas that are not active as it is."""
    history = _history()
    with_pauses = _play(modulator, bind_normalised(modulator, host(REPLICAS)), history)
    for replica in range(REPLICAS):
        active = [bool(outcome.active[replica]) for _, outcome, _ in history]
        alone = _one_replica(history, replica)
        without = _play(
            modulator,
            bind_normalised(modulator, host(1)),
            [d for d, acts in zip(alone, active, strict=True) if acts],
        )
        expected = [
            given[:, replica] for given, acts in zip(with_pauses, active, strict=True) if acts
        ]
        if not _equal([given[:, 0] for given in without], expected):
            raise Broken("expected decisions that a replica takes no part in to change nothing.")
    return ""


def replicas(modulator: Modulator) -> str:
    """Deliver to each replica what it would get alone."""
    history = _history()
    together = _play(modulator, bind_normalised(modulator, host(REPLICAS)), history)
    for replica in range(REPLICAS):
        alone = _play(
            modulator, bind_normalised(modulator, host(1)), _one_replica(history, replica)
        )
        if not _equal([given[:, 0] for given in alone], [given[:, replica] for given in together]):
            raise Broken(f"expected the third factors of replica {replica} alone, got others.")
    return ""


def state(modulator: Modulator) -> str:
    """Go on from a saved state as if never stopped, also in a modulator just made."""
    history = _history()
    bound = bind_normalised(modulator, host(REPLICAS))
    _play(modulator, bound, history[: DECISIONS // 2])
    saved = bound.state()
    expected = _play(modulator, bound, history[DECISIONS // 2 :])
    for restored, what in (
        (bound, "the same modulator"),
        (bind_normalised(modulator, host(REPLICAS)), "a new one"),
    ):
        restored.restore(saved)
        if not _equal(_play(modulator, restored, history[DECISIONS // 2 :]), expected):
            raise Broken(
                f"expected the same third factors after restore(state()) of {what}, got others; "
                "keep what changes in arrays, and copy them."
            )
    return ""


def reset(modulator: Modulator) -> str:
    """Start an episode in the marked replicas and in no other."""
    history = _history()
    mask = np.arange(REPLICAS) % 2 == 0
    found = []
    for marked in (np.zeros(REPLICAS, bool), mask):
        bound = bind_normalised(modulator, host(REPLICAS))
        _play(modulator, bound, history[: DECISIONS // 2])
        given = marked.copy()
        bound.reset(given)
        if not np.array_equal(given, marked):
            raise Broken("expected the mask unchanged, got it written to.")
        found.append([row[:, ~mask] for row in _play(modulator, bound, history[DECISIONS // 2 :])])
    if not _equal(*found):
        raise Broken("expected replicas outside the mask to go on as they were, got others.")
    return ""


def _equal(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


PROMISES = (*SETTINGS, vectors, finite, constant_reward, inactive, replicas, state, reset)
