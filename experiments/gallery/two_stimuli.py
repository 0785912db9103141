"""Two frozen spike patterns with different rewards: spike for one, keep quiet for the other.

Fifty inputs drive one escape-noise neuron. Each seed has two patterns of 500 ms: 150 input spikes
at random times, on a random half of the inputs (12 Hz each), so that about half of the inputs of a
pattern belong to the other one too. Four spikes or more are right for stimulus 0, three or fewer
for stimulus 1; an untrained neuron does either about half of the time. The reward, at the end of
the pattern, is 1 if the answer was right and else 0, plus 2 if the stimulus was 1. Every trial
starts from rest.
"""

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.gallery.given_spikes import SPIKE_HZ, GivenSpikes
from threefactor.models.network import Network
from threefactor.models.neurons.escape import SRM0
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules.contract import Rule
from threefactor.rules.streams import named_generator

N_INPUTS, N_ACTIVE, INPUT_SPIKES, PATTERN_MS = 50, 25, 150, 500
REWARD_OFFSETS, SPIKES_WANTED = np.array([0.0, 2.0]), 4
W_START, W_LIMIT = Uniform(1.5, 2.5), 4.0


def two_stimuli_spec(rule: Rule) -> NetworkSpec:
    """Return the network: 50 inputs, one SRM0 neuron, weights in mV from 0 to W_LIMIT."""
    return NetworkSpec(
        (Population("input", N_INPUTS, GivenSpikes()), Population("actor", 1, SRM0())),
        (
            Projection(
                "policy", "input", "actor", **all_to_all(N_INPUTS, 1), weights=W_START,
                w_min=0.0, w_max=W_LIMIT, rule=rule,
            ),
        ),
    )  # fmt: skip


def pattern_rates(seeds: tuple[int, ...]) -> NDArray[np.float64]:
    """Return each seed's two patterns as rates in Hz, (R, 2, timesteps, inputs)."""
    rates = np.zeros((len(seeds), 2, PATTERN_MS, N_INPUTS))
    for row, seed in zip(rates, seeds, strict=True):
        generator = named_generator(seed, "patterns")
        for pattern in row:
            active = generator.permutation(N_INPUTS)[:N_ACTIVE]
            places = generator.choice(PATTERN_MS * N_ACTIVE, INPUT_SPIKES, replace=False)
            pattern[places // N_ACTIVE, active[places % N_ACTIVE]] = SPIKE_HZ
    return rates


def show(network: Network, patterns: NDArray, shown: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Run one trial of every replica from rest and return who answered right, (R,)."""
    network.start_episode(np.ones(network.replicas, bool))
    rates = patterns[np.arange(network.replicas), shown]
    spikes = np.zeros(network.replicas)
    for step in range(PATTERN_MS):
        spikes += network.advance(rates[:, step], 1)[:, 0]
    return (spikes >= SPIKES_WANTED) == (shown == 0)


def order(seeds: tuple[int, ...], trials: int, purpose: str) -> NDArray[np.int_]:
    """Return the stimulus of each trial and seed, (trials, R); `purpose` names the stream.

    Both stimuli come once in every two trials, in random order.
    """
    columns = []
    for seed in seeds:
        generator = named_generator(seed, purpose)
        pairs = [generator.permutation(2) for _ in range((trials + 1) // 2)]
        columns.append(np.concatenate(pairs)[:trials])
    return np.array(columns).T
