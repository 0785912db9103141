"""Promises of schedules: values of episodes and returns, and nothing else."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.plastic.scheduled_parameters import (
    BoundSchedule,
    find_parameters,
    network_parameters,
)
from threefactor.agents.plastic.schedules import Schedule
from threefactor.experiments.checks.report import Broken, NotApplicable
from threefactor.experiments.checks.settings import SETTINGS
from threefactor.experiments.checks.small_network import small_network

EPISODES, REPLICAS = 400, 3


def _histories(schedule: Schedule) -> list[tuple[NDArray, NDArray]]:
    """Return (episodes done, last returns) of replicas that fare ill, well and at random."""
    if not schedule.extremes():
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
    """Give one finite value for each replica, never outside its declared extremes."""
    low, high = _range(schedule)
    for done, returns in _histories(schedule):
        values = schedule.values(done, returns)
        if np.shape(values) != (REPLICAS,):
            raise Broken(f"expected values of shape ({REPLICAS},), got {np.shape(values)}.")
        slack = 1e-9 * max(abs(low), abs(high))
        if not np.all((values >= low - slack) & (values <= high + slack)):
            raise Broken(
                f"expected values within extremes(), {low:g} to {high:g}, got {values} after "
                f"{done[0]} episodes."
            )
    return f"{low:g} to {high:g}"


def _range(schedule: Schedule) -> tuple[float, float]:
    extremes = schedule.extremes()
    if not extremes:
        raise NotApplicable("at these settings it moves nothing")
    if not np.all(np.isfinite(extremes)):
        raise Broken(f"expected finite extremes(), got {extremes}.")
    return min(extremes), max(extremes)


def purity(schedule: Schedule) -> str:
    """Depend on the episodes and returns given, and leave those as they are."""
    for done, returns in _histories(schedule):
        kept = done.copy(), returns.copy()
        first = np.array(schedule.values(done, returns))
        if not (np.array_equal(done, kept[0]) and np.array_equal(returns, kept[1], equal_nan=True)):
            raise Broken("expected its arguments unchanged, got them written to.")
        if not np.array_equal(schedule.values(done, returns), first):
            raise Broken("expected the same values for the same episodes and returns.")
    return ""


def replicas(schedule: Schedule) -> str:
    """Give each replica the value that it would have alone."""
    for done, returns in _histories(schedule):
        together = schedule.values(done, returns)
        for row in range(REPLICAS):
            alone = schedule.values(done[row : row + 1], returns[row : row + 1])
            if not np.array_equal(alone, together[row : row + 1]):
                raise Broken(
                    f"expected {alone[0]} for replica {row}, as alone, got {together[row]}."
                )
    return ""


def state(schedule: Schedule) -> str:
    """Write a parameter of a network, and go on from a saved state as if never stopped."""
    name = _parameter(schedule)
    network = small_network(REPLICAS)
    try:
        schedule = replace(schedule, parameter=(name,))
        bound = BoundSchedule(schedule, find_parameters(schedule, network.spec), network)
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
    return name


def _parameter(schedule: Schedule) -> str:
    """Return the first parameter of a small network that takes the schedule's values."""
    _range(schedule)
    network = small_network(1)
    network.close()
    for name, _ in network_parameters(network.spec):
        try:
            find_parameters(replace(schedule, parameter=(name,)), network.spec)
        except ValueError:
            continue
        return name
    raise NotApplicable(f"no parameter takes values of {min(schedule.extremes())} and more")


def _play(bound: BoundSchedule, masks: NDArray, returns: NDArray) -> NDArray:
    values = []
    for mask, earned in zip(masks, returns, strict=True):
        bound.end_episodes(mask, earned)
        values.append(bound.values.copy())
    return np.array(values)


PROMISES = (*SETTINGS, bounds, purity, replicas, state)
