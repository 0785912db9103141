"""The benchmark networks: CartPole with 4000 R-STDP synapses, or any size without environment."""

from typing import Any

import checkout  # noqa: F401
import numpy as np

from threefactor.models.neurons import make_neuron
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules import RULES

LEARNING_RATE = 1e-4
W_MAX = 3.0
WINDOW_MS = 50
RATE_MAX_HZ = 60.0
NEURONS_PER_ACTION = 20
LIMITS = {"low": (-2.4, -3.0, -0.21, -3.0), "high": (2.4, 3.0, 0.21, 3.0)}

#: 4 dimensions x 25 tuning curves -> 2 actions x 20 neurons.
CARTPOLE: dict[str, Any] = {
    "env": "CartPole-v1",
    "episodes": 10**9,
    "window_ms": float(WINDOW_MS),
    "encoder": {"name": "gaussian", "cells": (25,), "rate_max_hz": RATE_MAX_HZ, **LIMITS},
    "model": {
        "name": "feed-forward", "neurons_per_action": NEURONS_PER_ACTION, "w_init_low": 0.5,
        "w_init_high": 1.5, "w_max": W_MAX,
    },
    "neuron": "lif",
    "rule": {"name": "rstdp-et", "learning_rate": LEARNING_RATE},
    "modulator": "reward",
    "decoder": "argmax",
}  # fmt: skip


def cartpole_loop(engine: str) -> Any:
    """Return the closed loop that `python run.py train` would run, less recording."""
    from threefactor.experiments.configuration import resolve
    from threefactor.experiments.training.setup import Setup

    config = resolve({**CARTPOLE, "engine": engine})
    setup = Setup.of(config)
    environments = setup.open_environments()
    return setup.begin_loop(environments, setup.build_agent(environments), config.options.episodes)


def feed_forward(n_inputs: int, n_outputs: int) -> NetworkSpec:
    """Return Poisson inputs all-to-all onto LIF neurons, R-STDP with eligibility.

    Initial weights are uniform in 0.5 to 1.5 mV, as for 100 inputs, and smaller for more.
    """
    scale = min(1.0, 100 / n_inputs)
    rule = RULES["rstdp-et"](learning_rate=LEARNING_RATE)
    populations = (
        Population("input", n_inputs, PoissonInput()),
        Population("actor", n_outputs, make_neuron("lif")),
    )
    projection = Projection(
        "policy", "input", "actor", **all_to_all(n_inputs, n_outputs),
        weights=Uniform(0.5 * scale, 1.5 * scale), w_min=0.0, w_max=W_MAX, rule=rule,
    )  # fmt: skip
    return NetworkSpec(populations, (projection,))


def window_inputs(n_inputs: int, count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Return rates (count, n_inputs) in Hz and rewards (count,): what a window gets."""
    generator = np.random.default_rng(0)
    return generator.uniform(0.0, 30.0, (count, n_inputs)), generator.uniform(-1, 1, count)
