"""Promises of schedules: fractions of the way that follow episodes and returns, no more."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.plastic.bound_schedule import BoundSchedule
from threefactor.agents.plastic.scheduled_parameters import find_parameters, network_parameters
from threefactor.agents.plastic.schedules import Fixed, Schedule
from threefactor.experiments.checks.report import Broken, NotApplicable
from threefactor.experiments.checks.settings import SETTINGS
from threefactor.experiments.checks.small_network import small_network

EPISODES, REPLICAS = 400, 3


def _histories(schedule: Schedule) -> list[tuple[NDArray, NDArray]]:
    """Return (episodes done, last returns) of replicas that fare ill, well and at random."""
    if isinstance(schedule, Fixed) and not schedule.parameter:
        raise NotApplicable("at these settings it moves nothing")
    generator = np.random.default_rng(3)
    returns = np.stack(
        [
            np.full(EPISODES, -1e3),
            np.linspace(-1e3, 1e3, EPISODES),
            generator.normal(0, 50, EPISODES),
        ]
    )
    padded = np.column_stack([np.full((REPLICAS, schedule.memory), np.nan), returns])
    return [
        (np.full(REPLICAS, done), padded[:, done : done + schedule.memory])
        for done in range(EPISODES)
    ]


def bounds(schedule: Schedule) -> str:
    """Give one fraction for each replica, from 0 to 1."""
    schedule, seen = schedule.over(EPISODES), []
    for done, returns in _histories(schedule):
        fractions = schedule.fractions(done, returns)
        if np.shape(fractions) != (REPLICAS,):
            raise Broken(f"expected fractions of shape ({REPLICAS},), got {np.shape(fractions)}.")
        if not np.all((fractions >= 0) & (fractions <= 1)):
            raise Broken(
                f"expected fractions from 0 to 1, got {fractions} after {done[0]} episodes."
            )
        seen.append(fractions)
    return f"{np.min(seen):g} to {np.max(seen):g}"


def purity(schedule: Schedule) -> str:
    """Depend on the episodes and returns given, and leave those as they are."""
    schedule = schedule.over(EPISODES)
    for done, returns in _histories(schedule):
        kept = done.copy(), returns.copy()
        first = np.array(schedule.fractions(done, returns))
        if not (np.array_equal(done, kept[0]) and np.array_equal(returns, kept[1], equal_nan=True)):
            raise Broken("expected its arguments unchanged, got them written to.")
        if not np.array_equal(schedule.fractions(done, returns), first):
            raise Broken("expected the same fractions for the same episodes and returns.")
    return ""


def replicas(schedule: Schedule) -> str:
    """Give each replica the fraction that it would have alone."""
    schedule = schedule.over(EPISODES)
    for done, returns in _histories(schedule):
        together = schedule.fractions(done, returns)
        for row in range(REPLICAS):
            alone = schedule.fractions(done[row : row + 1], returns[row : row + 1])
            if not np.array_equal(alone, together[row : row + 1]):
                raise Broken(
                    f"expected {alone[0]} for replica {row}, as alone, got {together[row]}."
                )
    return ""


def state(schedule: Schedule) -> str:
    """Write parameters of a network, and go on from a saved state as if never stopped."""
    schedule = schedule.over(EPISODES)
    names = _parameters(schedule)
    network = small_network(REPLICAS)
    try:
        schedule = replace(schedule, parameter=names)
        bound = BoundSchedule(schedule, find_parameters(schedule, network.spec), network, {})
        generator = np.random.default_rng(4)
        returns = generator.normal(0, 50, (2, 20, REPLICAS))
        masks = generator.random((2, 20, REPLICAS)) < 0.7
        _play(bound, masks[0], returns[0])
        saved = bound.state()
        first = _play(bound, masks[1], returns[1])
        bound.restore(saved)
        if not np.array_equal(_play(bound, masks[1], returns[1]), first):
            raise Broken("expected the same values after restore(state()), got others.")
    finally:
        network.close()
    return names[0]


def _parameters(schedule: Schedule) -> tuple[str, ...]:
    """Return a parameter of a small network that takes the values, as often as there are some."""
    _histories(schedule)
    times = max(len(values or ()) for values in (schedule.start, schedule.end, ("one",)))
    network = small_network(1)
    network.close()
    for name, _ in network_parameters(network.spec):
        try:
            find_parameters(replace(schedule, parameter=(name,) * times), network.spec)
        except ValueError:
            continue
        return (name,) * times
    raise NotApplicable(f"no parameter takes values from {schedule.start} to {schedule.end}")


def _play(bound: BoundSchedule, masks: NDArray, returns: NDArray) -> NDArray:
    values = []
    for mask, earned in zip(masks, returns, strict=True):
        bound.end_episodes(mask, earned)
        values.append(bound.values.copy())
    return np.array(values)


PROMISES = (*SETTINGS, bounds, purity, replicas, state)
