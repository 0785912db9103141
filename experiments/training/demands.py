"""What a run will take of time, memory and disk: told, or refused, before anything long begins.

The numbers are coarse: they are for runs that nobody can mean, or would rather know of.
"""

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from threefactor.experiments.configuration import RunConfig, RunOptions
from threefactor.experiments.fitting import MOST_STEPS
from threefactor.experiments.training.progress import Say
from threefactor.experiments.training.setup import Setup

#: A run that takes longer is warned of; one that takes longer than a life is refused.
WARN_S, MOST_S = 86_400.0, 86_400.0 * 365 * 80
# Measured for GridWorld, CartPole and larger layers (2026), in the compiled engine and at its peak,
# which is a checkpoint: within a factor of two, but for synapses at rest, which take no time.
_DECISION_S, _NEURON_STEP_S, _SYNAPSE_S = 1e-4, 1e-8, 4e-8
_PROGRAM_BYTES, _REPLICA_BYTES, _NEURON_BYTES, _SYNAPSE_BYTES = 3e8, 5e4, 500.0, 200.0
_DESCRIBED = 0.15  # of the memory, for what is kept and what is needed to make it
_KEPT_SYNAPSE_BYTES, _SPIKE_BYTES, _EPISODE_BYTES, _RATE_HZ = 60.0, 12.0, 60.0, 20.0


@dataclass(frozen=True)
class Demands:
    """What a run will take.

    Attributes
    ----------
    memory_bytes, disk_bytes : float
    seconds : float
        Of one process, if every episode lasts as long as it may.
    """

    memory_bytes: float
    disk_bytes: float
    seconds: float

    @classmethod
    def of(cls, options: RunOptions, neurons: int, synapses: int, numbers: int) -> "Demands":
        """Estimate them for replicas of so many neurons, synapses and observed numbers."""
        replicas, steps = options.replicas, round(options.window_ms / options.timestep_ms)
        length = options.max_episode_steps or MOST_STEPS
        decision_s = _DECISION_S + replicas * (
            steps * neurons * _NEURON_STEP_S + synapses * _SYNAPSE_S
        )
        recorded = min(2 * options.record_episodes, options.episodes) * length
        spikes = recorded * options.window_ms * 1e-3 * neurons * _RATE_HZ
        snapshots = min(options.weight_snapshots, options.episodes) + 1
        return cls(
            _PROGRAM_BYTES
            + replicas
            * (_REPLICA_BYTES + neurons * _NEURON_BYTES + synapses * _SYNAPSE_BYTES + 80 * numbers),
            replicas * (synapses * _KEPT_SYNAPSE_BYTES + options.episodes * _EPISODE_BYTES)
            + snapshots * synapses * 8
            + spikes * _SPIKE_BYTES
            + recorded * steps * options.probes * 8,
            options.episodes * length * decision_s,
        )

    def __str__(self) -> str:
        """Say them in one line."""
        return (
            f"{_duration(self.seconds)}, {_bytes(self.memory_bytes)} of memory and "
            f"{_bytes(self.disk_bytes)} of disk"
        )


def check_demands(config: RunConfig, out: Path, say: Say) -> None:
    """Refuse a run that this machine cannot hold, and say what takes days or fills the disk.

    Raises
    ------
    ValueError
        With the estimate, if a run needs more memory than the machine has, or a life's time.
    """
    options, alone = config.options, Setup.of(config.alone)
    with closing(alone.open_environments()) as environments:
        spaces = (environments.observation_space, environments.action_space)
        limit = environments.max_episode_steps
        with _within_memory():
            neurons, synapses = alone.agent.size(alone.parts, alone.options, spaces)
        numbers = environments.observations.size
    if limit is None:
        say(
            f"{environments.env_id}: no time limit is known; an episode must end by itself, or "
            "after --max-episode-steps N"
        )
    elif limit == MOST_STEPS and environments.own_time_limit is None:
        say(
            f"{environments.env_id}: no time limit is known; episodes end after {MOST_STEPS} "
            "steps, or what --max-episode-steps says"
        )
    demands = Demands.of(replace(options, max_episode_steps=limit), neurons, synapses, numbers)
    holds = memory_bytes()
    if demands.memory_bytes > holds:
        raise ValueError(
            f"{options.replicas} x {neurons} neurons with {synapses} synapses need about "
            f"{_bytes(demands.memory_bytes)} of memory, and this machine has {_bytes(holds)}; "
            "take fewer neurons or --replicas."
        )
    if demands.seconds > MOST_S:
        raise ValueError(
            f"this run takes up to {_duration(demands.seconds)}; lower --episodes, "
            "--max-episode-steps or the size of the network."
        )
    free = free_bytes(out)
    if demands.seconds > WARN_S or demands.disk_bytes > free / 2:
        left = "" if demands.disk_bytes <= free / 2 else f", where {_bytes(free)} are free"
        say(f"this run takes up to {demands}{left}")


def memory_bytes() -> float:
    """Return the memory of this machine, or of the container that this process is in."""
    whole = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    try:
        return min(whole, float(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no container, or "max"
        return whole


def free_bytes(path: Path) -> float:
    """Return what is free on the disk of a folder that may be yet to be made."""
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    return float(shutil.disk_usage(nearest).free)


@contextmanager
def _within_memory() -> Iterator[None]:
    """Raise ValueError as soon as a description of a network shows that it cannot be held.

    What describes a synapse takes a tenth of what the synapse takes at work.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = int(memory_bytes() * _DESCRIBED) + _virtual_bytes()
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    except (MemoryError, OverflowError) as error:
        raise ValueError(
            f"the network needs more memory than this machine has, {_bytes(memory_bytes())} "
            f"({error or 'none is left'}); take fewer neurons."
        ) from error
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _virtual_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 2**32
    return pages * os.sysconf("SC_PAGE_SIZE")


def _bytes(size: float) -> str:
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size / 1e6:.3g} MB"


def _duration(seconds: float) -> str:
    for unit, length in (("years", 365 * 86_400), ("days", 86_400), ("hours", 3600)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / 60:.2g} minutes"
