"""Weights that an agent begins with, from what another one has learned."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.run_data import Run
from threefactor.experiments.archive import write_arrays
from threefactor.experiments.training.checkpoint import load_checkpoint, restoring
from threefactor.experiments.training.preconditions import worker_folders

#: What a run that was begun with such weights keeps of them.
WARM_START = "warm_start.npz"

Weights = Mapping[str, NDArray[np.float64]]


def learned_weights(run: Path, seeds: Sequence[int]) -> Weights:
    """Return the weights of a run's last checkpoint, projection -> (n_seeds, n_synapses).

    A seed that the run has gets its own; of a run with one replica, all get that one's.

    Raises
    ------
    ValueError
        In one line, for what is no run, has no checkpoint, no weights, or other seeds.
    """
    known: dict[int, Weights] = {}
    for folder in worker_folders(run) or (run,):
        first, state = int(Run(folder).config["seed"]), load_checkpoint(folder)
        with restoring(folder):
            found = _by_replica(state["agent"], len(state["tally"]["done"]))
        known |= {first + replica: weights for replica, weights in enumerate(found)}
    if not known or not next(iter(known.values())):
        raise ValueError(f"{run}: expected a run whose agent learns by weights, it has none.")
    if len(known) == 1:
        (only,) = known.values()
        known = dict.fromkeys(seeds, only)
    if missing := [seed for seed in seeds if seed not in known]:
        raise ValueError(
            f"{run}: expected the seeds of this run, or a single replica, got seeds {min(known)} "
            f"to {max(known)}; there is no seed {missing[0]}."
        )
    return {name: np.stack([known[s][name] for s in seeds]) for name in known[seeds[0]]}


def _by_replica(state: Mapping[str, Any], replicas: int) -> list[Weights]:
    """Return the weights in an agent's state, replica by replica."""
    if "members" in state:
        return [_by_replica(member, 1)[0] for member in state["members"]]
    arrays = state.get("network", {}).get("arrays", {})
    weights = {
        name.removesuffix(".w"): np.reshape(values, (replicas, -1))
        for name, values in arrays.items()
        if name.endswith(".w")
    }
    return [{name: own[replica] for name, own in weights.items()} for replica in range(replicas)]


def keep_warm_start(run: Path, weights: Weights) -> None:
    """Write the weights into the run that begins with them."""
    write_arrays(run / WARM_START, weights)


def kept_warm_start(run: Path) -> Weights:
    """Return the weights that a run began with; empty: those that were drawn."""
    path = run / WARM_START
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # damage can look like anything
        raise ValueError(f"{path}: damaged ({' '.join(str(error).split())}).") from None
