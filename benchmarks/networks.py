"""The benchmark networks: CartPole with 4000 R-STDP synapses, or any size without environment."""

from pathlib import Path
from typing import Any

import checkout  # noqa: F401
import numpy as np

from threefactor.models.architectures.analog import analog_layers
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
#: Rules that need more of their neuron than a LIF neuron has.
NEURON_OF = {"eprop": "adaptive-lif"}
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


def cartpole_loop(engine: str, out: Path | None = None) -> Any:
    """Return the closed loop that `python run.py train` would run.

    Parameters
    ----------
    out : Path, optional
        Directory of a run in which every episode is recorded in full; None: nothing is recorded.
    """
    from threefactor.experiments.configuration import resolve
    from threefactor.experiments.training.recording import Recorder
    from threefactor.experiments.training.run import recording_options
    from threefactor.experiments.training.run_directory import RunDirectory
    from threefactor.experiments.training.setup import Setup

    config = resolve({**CARTPOLE, "engine": engine, "record_episodes": CARTPOLE["episodes"]})
    options, setup = config.options, Setup.of(config)
    environments = setup.open_environments()
    agent = setup.build_agent(environments)
    loop = setup.begin_loop(environments, agent, options.episodes)
    if out is not None:
        directory = RunDirectory.create(out, {}, {})
        probes = agent.choose_probes(options.probes, environments.observations)
        recorder = Recorder(directory, recording_options(options), agent, probes)
        loop.observers = (recorder,)
        recorder.began(loop)
    return loop


def feed_forward(n_inputs: int, n_outputs: int, rule_name: str = "rstdp-et") -> NetworkSpec:
    """Return Poisson inputs all-to-all onto LIF neurons; by default R-STDP with eligibility.

    Initial weights are uniform in 0.5 to 1.5 mV, as for 100 inputs, and smaller for more.
    """
    scale = min(1.0, 100 / n_inputs)
    rule = RULES[rule_name](learning_rate=LEARNING_RATE)
    populations = (
        Population("input", n_inputs, PoissonInput()),
        Population("actor", n_outputs, make_neuron(NEURON_OF.get(rule_name, "lif"))),
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


def soft_reset_layers(sizes: tuple[int, ...], decay: float, threshold: float) -> NetworkSpec:
    """Return layers of soft-reset neurons that are driven and read as numbers."""
    neuron = make_neuron("lif-soft-reset", membrane_decay=decay, v_threshold=threshold)
    readout = make_neuron("readout-discrete", synapse_decay=0.0, membrane_decay=decay)
    return analog_layers(sizes, neuron, readout)
