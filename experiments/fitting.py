"""Parts that fit the spaces of an environment: what a run has where nobody named another.

| observation                         | encoder                                                    |
|-------------------------------------|------------------------------------------------------------|
| symbols, at most 1000 combinations  | one-hot, one symbol for each combination, 1 to 5 copies    |
| symbols, more combinations          | one-hot, component by component                            |
| numbers, at most 4 dimensions       | gaussian, one grid of place cells, 1 to 4 copies           |
| numbers, 5 to 64                    | gaussian, a grid for each two neighbouring ones, 1 to 4    |
| numbers, more                       | rate, one input for each                                   |

A symbol among numbers is a dimension of its own, with a cell for each of its values.

| action                              | decoder                                                    |
|-------------------------------------|------------------------------------------------------------|
| Discrete, MultiDiscrete             | argmax                                                     |
| Box                                 | weighted-mean                                              |

An environment without a time limit gets one of 1000 decisions, so that every episode ends.

Model and modulator are feed-forward and td-linear, or actor-critic, its critic of opponents, and td
where one of these is named; third factors are in units of the largest return. Initial weights let
a layer of escape-lif neurons fire at some 10 Hz. The rule is reinforce-sign for discrete actions
and reinforce for others; its learning rate falls to a tenth over the run. The model action-values
goes with td, and td-actor-critic with reward.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import pi, prod, sqrt
from typing import Any

import gymnasium as gym

from threefactor.agents.contract import AgentSettings
from threefactor.agents.plastic.settings import PlasticSettings
from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.parts.kinds import load_part

#: The parts that are chosen here; rule and schedule only where the learning rate fits the rest.
CHOSEN = ("encoder", "decoder", "model", "modulator")
MOST_COMBINATIONS, MOST_JOINED, MOST_POPULATIONS = 1000, 4, 64
#: Cells of each dimension of a grid, by the number of its dimensions.
CELLS = {1: 12, 2: 8, 3: 7, 4: 6}
WIDTH, SYMBOL_WIDTH = 0.6, 0.2
#: Neurons for each symbol and cell: with one alone its few spikes are most of the noise.
MOST_COPIES = {"symbols": 5, "cells": 4}
#: Inputs beyond which copies are spared, and half of the actor's neurons for each action.
MANY_INPUTS, NEURONS, FEW_NEURONS = 400, 10, 5
#: Rates at which a few spikes tell one cell from another within a window.
WINDOW_MS = 100.0
#: Weight, in mV, at which one input of 100 Hz brings escape-lif neurons to some 10 Hz.
DRIVE_MV = 6.0
#: Modulators that go with other models that have values.
OF_VALUES = {"action-values": "td", "td-actor-critic": "reward"}
#: Time limit of environments that have none.
MOST_STEPS = 1000
#: Learning rates for third factors in units of the largest return, in mV: of a symbol, which is
#: seen alone, and of all copies of a place cell, of which several see each observation.
RATES = {"symbols": 1.0, "cells": 0.2}
DISCRETE = {"name": "reinforce-sign"}
CONTINUOUS = {"name": "reinforce", "trace_decay": 0.8}
FITTING_MODELS = (None, "feed-forward", "actor-critic")
FALLS = {"name": "decay", "parameter": ["policy.learning_rate"]}
UNIT = {"normalise": "returns", "discount": 0.98}
#: Opponents, whose spikes stand for values of both signs (docs/scales.md), for inputs of any number
#: and rate: they begin silent, and a difference in rate is a value.
CRITIC = {"has_opponents": True, "critic_neurons": 50, "critic_w_max": 15.0}
#: Where the inputs are known: they fire from the beginning, and their difference over their sum,
#: times a gain, is a value. First and largest weight and learning rate, in mV, are those of one
#: input that is seen alone; of several each has its share.
DIVISIVE = {"has_opponents": True, "is_divisive": True, "critic_neurons": 100}
CRITIC_DRIVE_MV, CRITIC_MOST_MV, CRITIC_RATE, CRITIC_GAIN = 12.5, 40.0, 0.1, 1.2

Settings = dict[str, Any]


def fitting_parts(
    environments: Environments,
    named: Mapping[str, str],
    copies: int | None = None,
    agent: type[AgentSettings] = PlasticSettings,
) -> Settings:
    """Return settings of the parts that are not named, lowest layer of a configuration.

    Parameters
    ----------
    named : mapping of str to str
        Part -> the name that a user or a preset gives it.
    copies : int, optional
        Inputs for each symbol or cell that somebody asks for: weights fall with their number.
    agent : type of AgentSettings
        Its own `fitting` is part of it; parts that it does not take are not chosen.
    """
    limit = {"max_episode_steps": MOST_STEPS} if environments.max_episode_steps is None else {}
    space = environments.observation_space
    inputs = None if "encoder" in named else _inputs(space, environments.n_values, copies)
    is_continuous = isinstance(environments.action_space, gym.spaces.Box)
    found: Settings = {
        "decoder": {"name": "weighted-mean" if is_continuous else "argmax"},
        **_learner(named, inputs),
    }
    chosen = {
        part: settings
        for part, settings in found.items()
        if part not in named or (inputs and named[part] == settings.get("name"))
    }
    if inputs is not None:
        chosen |= {"encoder": inputs.encoder, "window_ms": WINDOW_MS}
    taken = {"window_ms", *(part.name for part in fields(agent.parts))}
    fits = named.get("model") in FITTING_MODELS and not {"modulator", "rule"} & set(named)
    if inputs is not None and fits and "rule" in taken:
        rule = CONTINUOUS if is_continuous else DISCRETE
        chosen["rule"] = {**rule, "learning_rate": inputs.rate}
        chosen["schedule"] = FALLS
    own = {name: settings for name, settings in chosen.items() if name in taken}
    return {**own, **agent.fitting, **limit}


@dataclass(frozen=True)
class _Inputs:
    """An encoder, how many inputs it has, and what goes with them.

    Attributes
    ----------
    activity : float
        Sum of all inputs', each 1 at `rate_max_hz`.
    rate : float
        Learning rate of a synapse.
    """

    encoder: Settings
    number: int
    activity: float
    rate: float

    def layer(self) -> Settings:
        """Return size and weights of a layer that sees them."""
        weight = DRIVE_MV / self.activity
        return {
            "neurons_per_action": FEW_NEURONS if self.number > MANY_INPUTS else NEURONS,
            "w_init_low": 0.9 * weight, "w_init_high": 1.1 * weight,
            "w_min": -2.0 * weight, "w_max": 4.0 * weight,
        }  # fmt: skip

    def critic(self) -> Settings:
        """Return parts of a critic that sees them."""
        return {
            "model": {
                "name": "actor-critic", **self.layer(), **DIVISIVE,
                "critic_w_init": CRITIC_DRIVE_MV / self.activity,
                "critic_w_max": CRITIC_MOST_MV / self.activity,
            },
            "critic_neuron": {"v_slope_mv": 4.0},
            "critic_rule": {"learning_rate": CRITIC_RATE / self.activity, "trace_decay": 0.9},
            "modulator": {"name": "td", "value_gain": CRITIC_GAIN, **UNIT},
        }  # fmt: skip


def _inputs(space: gym.Space, n_values: tuple[int, ...], copies: int | None) -> _Inputs:
    """Return the inputs that fit a space of observations."""
    if not isinstance(space, gym.spaces.Box):
        return _symbols(n_values, copies)
    n_dimensions = len(n_values)
    if n_dimensions > MOST_POPULATIONS:
        return _Inputs({"name": "rate"}, n_dimensions, n_dimensions / 2, RATES["cells"])
    dimensions = list(range(n_dimensions))
    size = n_dimensions if n_dimensions <= MOST_JOINED else 2
    groups = [dimensions[i : i + size] for i in range(0, n_dimensions, size)]
    cells = [n or CELLS[size] for n in n_values]
    overlap = [1.0 if n else WIDTH * sqrt(2 * pi) for n in n_values]
    settings: Settings = {
        "name": "gaussian",
        "groups": groups,
        "cells": cells,
        "width": [SYMBOL_WIDTH if n else WIDTH for n in n_values],
    }
    number, activity = (
        sum(prod(of[dimension] for dimension in group) for group in groups)
        for of in (cells, overlap)
    )
    copies = copies or _copies("cells", int(number))
    settings["copies"], rate = copies, RATES["cells"] / copies
    return _Inputs(settings, int(number) * copies, activity * copies, rate)


def _symbols(n_values: tuple[int, ...], copies: int | None) -> _Inputs:
    combinations = prod(n_values)
    if combinations > MOST_COMBINATIONS:
        copies = copies or 1
        encoder: Settings = {"name": "one-hot", "copies": copies}
        number, activity = copies * sum(n_values), copies * len(n_values)
        return _Inputs(encoder, number, activity, RATES["symbols"] / copies)
    usual = _copies("symbols", combinations)
    copies = copies or usual
    groups = [list(range(len(n_values)))] if len(n_values) > 1 else []
    encoder = {"name": "one-hot", "groups": groups, "copies": copies}
    return _Inputs(encoder, combinations * copies, copies, RATES["symbols"] * usual / copies)


def _copies(kind: str, number: int) -> int:
    """Return how many inputs of each kind there are, so that all of them are not too many."""
    return max(1, min(MOST_COPIES[kind], MANY_INPUTS // number))


def _learner(named: Mapping[str, str], inputs: _Inputs | None) -> Settings:
    """Return model and modulator, and a critic's parts; `inputs` are those of a known encoder."""
    if named.get("model") in OF_VALUES:
        return {"modulator": {"name": OF_VALUES[named["model"]]}}
    has_critic = named.get("model") == "actor-critic"
    if "modulator" in named:
        has_critic = "values" in load_part("modulator", named["modulator"])().requires
    if not has_critic:
        return {
            "model": {"name": "feed-forward", **(inputs.layer() if inputs else {})},
            "modulator": {"name": "td-linear", "learning_rate": 0.1, **UNIT},
        }
    if inputs is not None:
        return inputs.critic()
    return {
        "model": {"name": "actor-critic", **CRITIC},
        "critic_neuron": {"v_slope_mv": 8.0},
        "critic_rule": {"learning_rate": 0.02, "trace_decay": 0.9},
        "modulator": {"name": "td", "full_rate_hz": 50.0, **UNIT},
    }
