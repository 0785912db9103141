"""One seed, named streams: nothing that one part draws can shift what another part draws."""

from dataclasses import dataclass

import numpy as np

STREAMS = ("env", "network", "decoder", "weights", "control", "evaluation", "actions", "limits")


@dataclass(frozen=True)
class Seeds:
    """Integer seeds of one replica's streams, spawned from its seed.

    env: resets and dynamics of the environment. network: noise of neurons (and Poisson inputs).
    decoder: ties and soft choices. weights: initial weights, heterogeneous parameters.
    control: shuffled third factors. evaluation: environment of `evaluate`. actions: the random
    agent that runs are compared with. limits: the rollout that finds limits of observations.
    """

    env: int
    network: int
    decoder: int
    weights: int
    control: int
    evaluation: int
    actions: int
    limits: int


def spawn_seeds(seed: int) -> Seeds:
    """Return the seeds of the run with this seed; raise ValueError if it is negative."""
    if seed < 0:
        raise ValueError(f"seed must be an integer >= 0, got {seed}.")
    children = np.random.SeedSequence(seed).spawn(len(STREAMS))
    # 31 bits: environments take them as C ints.
    return Seeds(*(int(child.generate_state(1)[0] >> 1) for child in children))


def replica_seeds(seed: int, replicas: int) -> tuple[Seeds, ...]:
    """Return the seeds of every replica: replica r of seed s runs as seed s + r would alone."""
    return tuple(spawn_seeds(seed + replica) for replica in range(replicas))
