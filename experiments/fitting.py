"""Parts that fit the spaces of an environment: what a run has where nobody named another.

| observation                         | encoder                                                    |
|-------------------------------------|------------------------------------------------------------|
| symbols, at most 1000 combinations  | one-hot, one symbol for each combination, up to 5 copies   |
| symbols, more combinations          | one-hot, component by component                            |
| numbers, at most 4 dimensions       | gaussian, one grid of place cells                          |
| numbers, 5 to 64                    | gaussian, a grid for each two neighbouring dimensions      |
| numbers, more                       | rate, one input for each                                   |

A symbol among numbers is a dimension of its own, with a cell for each of its values.

| action                              | decoder                                                    |
|-------------------------------------|------------------------------------------------------------|
| Discrete, MultiDiscrete             | argmax                                                     |
| Box                                 | weighted-mean                                              |

An environment without a time limit gets one of 1000 decisions, so that every episode ends.

Model and modulator are feed-forward and td-linear, or actor-critic and td where one of these is
named; action-values go with td, and td-actor-critic with reward. Initial weights let a layer of
escape-lif neurons fire at some 10 Hz.
"""

from collections.abc import Mapping
from math import pi, prod, sqrt
from typing import Any

import gymnasium as gym

from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.parts.kinds import load_part

#: The parts that are chosen here.
CHOSEN = ("encoder", "decoder", "model", "modulator")
MOST_COMBINATIONS, MOST_JOINED, MOST_POPULATIONS = 1000, 4, 64
#: Cells of each dimension of a grid, by the number of its dimensions.
CELLS = {1: 12, 2: 8, 3: 7, 4: 6}
WIDTH, SYMBOL_WIDTH = 0.6, 0.2
MOST_COPIES = 5
#: Rates at which a few spikes tell one cell from another within a window.
WINDOW_MS = 100.0
#: Weight, in mV, at which one input of 100 Hz brings escape-lif neurons to some 10 Hz.
DRIVE_MV = 6.0
#: Modulators that go with models that have values.
OF_VALUES = {"actor-critic": "td", "action-values": "td", "td-actor-critic": "reward"}
#: Time limit of environments that have none.
MOST_STEPS = 1000
#: Of `reinforce` with place cells, of which several see each observation.
RULE = {"learning_rate": 0.05, "trace_decay": 0.8}

Settings = dict[str, Any]


def fitting_parts(environments: Environments, named: Mapping[str, str]) -> Settings:
    """Return settings of the parts that are not named, lowest layer of a configuration.

    Parameters
    ----------
    named : mapping of str to str
        Part -> the name that a user or a preset gives it.
    """
    n_values = environments.n_values
    encoder, activity = _encoder(environments.observation_space, n_values)
    is_continuous = isinstance(environments.action_space, gym.spaces.Box)
    found: Settings = {
        "encoder": encoder,
        "decoder": {"name": "weighted-mean" if is_continuous else "argmax"},
        **_learner(named, DRIVE_MV / activity if "encoder" not in named else None),
    }
    chosen = {part: settings for part, settings in found.items() if part not in named}
    if "encoder" not in named:
        chosen["window_ms"] = WINDOW_MS
        is_number = isinstance(environments.observation_space, gym.spaces.Box)
        if is_number and not {"model", "modulator", "rule"} & set(named):
            chosen["rule"] = RULE
    if environments.max_episode_steps is None:
        chosen["max_episode_steps"] = MOST_STEPS
    return chosen


def _encoder(space: gym.Space, n_values: tuple[int, ...]) -> tuple[Settings, float]:
    """Return the encoder of a space, and the sum of its inputs' activities, 1 at `rate_max_hz`."""
    if not isinstance(space, gym.spaces.Box):
        return _symbols(n_values)
    n_dimensions = len(n_values)
    if n_dimensions > MOST_POPULATIONS:
        return {"name": "rate"}, n_dimensions / 2
    dimensions = list(range(n_dimensions))
    size = n_dimensions if n_dimensions <= MOST_JOINED else 2
    groups = [dimensions[i : i + size] for i in range(0, n_dimensions, size)]
    settings = {
        "name": "gaussian",
        "groups": groups,
        "cells": [n or CELLS[size] for n in n_values],
        "width": [SYMBOL_WIDTH if n else WIDTH for n in n_values],
    }
    overlap = [1.0 if n else WIDTH * sqrt(2 * pi) for n in n_values]
    return settings, sum(prod(overlap[dimension] for dimension in group) for group in groups)


def _symbols(n_values: tuple[int, ...]) -> tuple[Settings, float]:
    combinations = prod(n_values)
    if combinations > MOST_COMBINATIONS:
        return {"name": "one-hot"}, len(n_values)
    copies = max(1, min(MOST_COPIES, MOST_COMBINATIONS // combinations))
    groups = [list(range(len(n_values)))] if len(n_values) > 1 else []
    return {"name": "one-hot", "groups": groups, "copies": copies}, copies


def _learner(named: Mapping[str, str], weight: float | None) -> Settings:
    """Return model and modulator; `weight` is None where the encoder is not chosen here."""
    model = named.get("model", "")
    has_critic = model in OF_VALUES
    if "modulator" in named:
        has_critic = "values" in load_part("modulator", named["modulator"])().requires
    weights = {} if weight is None else {
        "w_init_low": 0.9 * weight, "w_init_high": 1.1 * weight, "w_min": -2.0 * weight,
        "w_max": 4.0 * weight,
    }  # fmt: skip
    if has_critic:
        modulator = {"name": OF_VALUES.get(model, "td")}
        return {"model": {"name": "actor-critic", **weights}, "modulator": modulator}
    return {
        "model": {"name": "feed-forward", **weights},
        "modulator": {"name": "td-linear", "discount": 0.98, "learning_rate": 0.1},
    }
