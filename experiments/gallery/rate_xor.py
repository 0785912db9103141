"""XOR in firing rates: 60 inputs, 60 hidden neurons and one output that must spike for 01 and 10.

Thirty inputs stand for each bit: 40 Hz if it is 1, silent if it is 0; half of them excite, half
inhibit. A pattern is shown for 500 ms and nothing is reset between patterns. Each output spike is
rewarded (+1) or punished (-1) in the timestep in which it happens, so the decision window is one
timestep. Source: Florian 2007, Neural Comput. 19:1468, section 4.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from threefactor.models.network import Network
from threefactor.models.neurons.contract import NeuronModel, PoissonInput
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules.contract import Rule
from threefactor.rules.streams import named_generator

PATTERNS = ((0, 0), (0, 1), (1, 0), (1, 1))
TARGETS = np.array([-1.0, 1.0, 1.0, -1.0])
N_BIT, N_HIDDEN = 30, 60
RATE_HZ, PATTERN_MS, W_LIMIT = 40.0, 500, 5.0
#: Pattern shown to each replica -> reward of each output spike while it is shown, (R,).
Reward = Callable[[NDArray[np.int_]], NDArray[np.float64]]


def xor_network_spec(rule: Rule, neuron: NeuronModel) -> NetworkSpec:
    """Return the 60-60-1 network, weights uniform within the bounds that Dale's law sets."""
    inputs = np.arange(2 * N_BIT)
    is_excitatory = inputs % N_BIT < N_BIT // 2
    every = all_to_all(2 * N_BIT, N_HIDDEN)

    def from_inputs(name: str, chosen: NDArray[np.bool_], low: float, high: float) -> Projection:
        kept = chosen[every["pre"]]
        return Projection(
            name, "input", "hidden", every["pre"][kept], every["post"][kept], Uniform(low, high),
            low, high, rule=rule,
        )  # fmt: skip

    return NetworkSpec(
        (
            Population("input", 2 * N_BIT, PoissonInput()),
            Population("hidden", N_HIDDEN, neuron),
            Population("output", 1, neuron),
        ),
        (
            from_inputs("excitation", is_excitatory, 0.0, W_LIMIT),
            from_inputs("inhibition", ~is_excitatory, -W_LIMIT, 0.0),
            Projection(
                "readout", "hidden", "output", **all_to_all(N_HIDDEN, 1),
                weights=Uniform(0.0, W_LIMIT), w_min=0.0, w_max=W_LIMIT, rule=rule,
            ),
        ),
        output="output",
    )  # fmt: skip


def pattern_rates() -> NDArray[np.float64]:
    """Return the rates of the inputs for each pattern, (4, 60), Hz."""
    return RATE_HZ * np.repeat(np.array(PATTERNS, float), N_BIT, axis=1)


def show_epochs(
    network: Network, epochs: int, orders: list[np.random.Generator], reward: Reward | None
) -> NDArray[np.float64]:
    """Show each replica all patterns in an order of its own, `epochs` times; learn if rewarded.

    Parameters
    ----------
    orders : list of R generators
        One for the order of each replica.
    reward : callable or None
        None: no third factor is ever delivered.

    Returns
    -------
    (epochs, R, 4) output rates in Hz.
    """
    replicas, inputs = np.arange(network.replicas), pattern_rates()
    rates = np.zeros((epochs, network.replicas, len(PATTERNS)))
    for epoch in range(epochs):
        order = np.array([generator.permutation(len(PATTERNS)) for generator in orders])
        for shown in order.T:
            counts = _show(network, inputs[shown], shown, reward)
            rates[epoch, replicas, shown] = counts / (PATTERN_MS * 1e-3)
    return rates


def _show(
    network: Network, rates: NDArray, shown: NDArray[np.int_], reward: Reward | None
) -> NDArray[np.float64]:
    if reward is None:
        return network.advance(rates, PATTERN_MS)[:, 0].copy()
    total, signs = np.zeros(network.replicas), reward(shown)
    for _ in range(PATTERN_MS):
        spikes = network.advance(rates, 1)[:, 0]
        network.close_decision()
        if spikes.any():
            network.consolidate(signs * spikes)
            total += spikes
    return total


def target_reward(shown: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return +1 where the pattern calls for spikes, else -1."""
    return TARGETS[shown]


def random_reward(seeds: tuple[int, ...]) -> Reward:
    """Return rewards of one random sign a presentation: as coherent as the true ones, and empty."""
    generators = [named_generator(seed, "random reward") for seed in seeds]
    return lambda shown: np.array([generator.choice([-1.0, 1.0]) for generator in generators])


def order_generators(seeds: tuple[int, ...], purpose: str) -> list[np.random.Generator]:
    """Return a generator of pattern orders for each seed; `purpose` names the stream."""
    return [named_generator(seed, purpose) for seed in seeds]


def is_solved(rates: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether both odd patterns beat 11, along the last axis (00 is silent in any case)."""
    return (rates[..., 3] < rates[..., 1]) & (rates[..., 3] < rates[..., 2])


def margin_hz(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lower rate of the odd patterns less the higher of the even, Hz."""
    return rates[..., 1:3].min(axis=-1) - rates[..., [0, 3]].max(axis=-1)
