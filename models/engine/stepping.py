"""What both engines share: cutting windows so that lazy decay stays in range; recordings."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from threefactor.models.blueprint import Blueprint

#: A lazily decaying variable is settled before its growth passes exp(20) = 5e8.
LONGEST_GROWTH = 20.0


def settle_interval(plan: Blueprint) -> int:
    """Return the largest number of timesteps between two settlings, >= 1."""
    taus = [float(np.min(plan.data[name])) for name in plan.decay.values()]
    if not taus:
        return np.iinfo(np.int32).max
    return max(1, int(LONGEST_GROWTH * min(taus) / (plan.timestep_ms * 1e-3)))


def period_steps(plan: Blueprint) -> dict[str, int]:
    """Return the weight clocks in timesteps; raise ValueError if one is not a multiple of dt."""
    steps = {}
    for block, period_ms in plan.periods_ms.items():
        count = round(period_ms / plan.timestep_ms)
        if count < 1 or abs(count * plan.timestep_ms - period_ms) > 1e-9 * period_ms:
            raise ValueError(
                f"{block}: the weight clock must be a multiple of the timestep "
                f"({plan.timestep_ms} ms), got {period_ms} ms."
            )
        steps[block] = count
    return steps


def spike_owner_names(plan: Blueprint) -> list[str]:
    """Return the populations that can spike."""
    return [group.name for group in plan.groups if group.threshold]


@dataclass
class Recording:
    """What is recorded: populations, probes ``(array name, element)`` and their interval."""

    populations: list[str] = field(default_factory=list)
    probes: list[tuple[str, int]] = field(default_factory=list)
    every: int = 1


def check_recording(engine: Any, plan: Blueprint, recording: Recording) -> None:
    """Raise ValueError if a population cannot spike or a probe is outside its array."""
    spiking = spike_owner_names(plan)
    for name in recording.populations:
        if name not in spiking:
            raise ValueError(f"record: {name!r} does not spike; these do: {', '.join(spiking)}.")
    if recording.every < 1:
        raise ValueError(f"record: every must be >= 1 timestep, got {recording.every}.")
    for name, element in recording.probes:
        size = engine.array(name).size
        if not 0 <= element < size:
            raise ValueError(f"record: {name} has elements 0 to {size - 1}, got {element}.")
