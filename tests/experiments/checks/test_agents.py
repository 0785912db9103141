"""`check_agent`: every agent keeps its promises, and an agent that breaks one is found out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from threefactor.agents import AGENTS
from threefactor.agents.gradient.settings import GradientSettings
from threefactor.agents.plastic.agent import PlasticAgent
from threefactor.agents.plastic.resting import Resting
from threefactor.agents.plastic.settings import PlasticSettings
from threefactor.experiments.checks.agents import PROMISES, check_agent
from threefactor.experiments.checks.report import check_name
from threefactor.experiments.configuration import resolve

LINEAR: dict[str, Any] = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "window_ms": 10.0,
    "model": {"name": "feed-forward", "neurons_per_action": 3},
    "rule": {"name": "reinforce", "learning_rate": 2.0}, "modulator": "td-linear",
}  # fmt: skip
CRITIC = {
    **LINEAR, "modulator": {"name": "td", "value_offset": -0.5}, "encoder": {"rate_max_hz": 800.0},
    "critic_rule": {"learning_rate": 0.2},
    "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4,
              "critic_w_init": 2.0},
}  # fmt: skip
DRIFTING = {
    **LINEAR, "rule": "stdp", "neuron": "lif", "encoder": {"rate_max_hz": 800.0},
    "modulator": "reward-baseline", "control": "shuffled",
    "model": {**LINEAR["model"], "w_init_low": 6.0, "w_init_high": 8.0},
}  # fmt: skip
#: Several choices in each action, seen through a Dict.
COMPONENTS = {
    **LINEAR, "env": f"{Path(__file__).parents[2] / 'envs' / 'bridge' / 'switches.py'}:Switches",
    "env_kwargs": {}, "encoder": {"rate_max_hz": 500.0}, "engine": "runtime-numpy",
}  # fmt: skip
CASES = {
    "linear": LINEAR,
    "critic": CRITIC,
    "normalised": {**CRITIC, "modulator": {"name": "td", "normalise": "returns"}},
    "drifting": DRIFTING,
    "eprop": {
        "env": "Identity-v0", "neuron": "adaptive-lif", "decoder": "first-to-spike",
        "encoder": {"rate_max_hz": 500.0}, "rule": {"name": "eprop-reward", "learning_rate": 1.0},
        "modulator": "reward", "learning_signal": "random", "engine": "runtime-numpy",
        "model": {"name": "layered", "neurons_per_action": 2, "hidden_neurons": 3},
        "update": "adam",
    },
    "components, agreement": {
        **COMPONENTS, "rule": {"name": "population-agreement", "learning_rate": 1.0},
    },
    "components, eprop": {
        **COMPONENTS, "neuron": "adaptive-lif", "decoder": "first-to-spike",
        "rule": {"name": "eprop-reward", "learning_rate": 1.0},
    },
    "components, softmax": {**COMPONENTS, "decoder": "softmax", "update": "adam"},
    "continuous": {
        **LINEAR, "env": "Pendulum-v1", "env_kwargs": {}, "decoder": "weighted-mean",
        "encoder": {"name": "gaussian", "cells": [3], "normalise": "running"},
    },
}  # fmt: skip


#: Those that gradients train have cases of their own: tests/agents/test_gradient_agents.py.
BY_RULES = [name for name, kind in AGENTS.items() if not issubclass(kind, GradientSettings)]


@pytest.mark.parametrize("agent", BY_RULES)
@pytest.mark.parametrize("case", CASES)
def test_every_agent_keeps_its_promises(agent, case):
    report = check_agent(resolve(CASES[case], {"agent": agent}))
    assert report.is_passed, report.report()
    skipped = {result.check for result in report.results if result.status == "skipped"}
    estimates = case not in ("drifting", "eprop")
    assert skipped == (set() if estimates else {"truncation"})


def act_outside(patch):
    act = PlasticAgent.act
    patch.setattr(PlasticAgent, "act", lambda self, *rest: act(self, *rest) + 100)


def act_by_chance(patch):
    generator = np.random.default_rng(0)
    patch.setattr(
        PlasticAgent, "act", lambda self, shown, involved: generator.integers(0, 4, len(involved))
    )


def ignore_seeds(patch):
    build = PlasticSettings.build

    def built(self, parts, options, spaces, seeds, say=None):
        fixed = [replace(s, network=r, decoder=r, weights=r) for r, s in enumerate(seeds)]
        return build(self, parts, options, spaces, fixed, say)

    patch.setattr(PlasticSettings, "build", built)


def share_third_factors(patch):
    deliver = PlasticAgent._deliver
    patch.setattr(
        PlasticAgent, "_deliver",
        lambda self, m, active: deliver(self, None if m is None else 0 * m + m.mean(), active),
    )  # fmt: skip


def forget_the_modulator(patch):
    state = PlasticAgent.state

    def stale(self):
        return {**state(self), "modulator": self.modulator.bind_state}

    patch.setattr(PlasticAgent, "state", stale)
    init = PlasticAgent.__post_init__

    def prepare(self):
        init(self)
        self.modulator.bind_state = self.modulator.state()

    patch.setattr(PlasticAgent, "__post_init__", prepare)


def keep_objects(patch):
    state = PlasticAgent.state
    patch.setattr(PlasticAgent, "state", lambda self: {**state(self), "agent": self})


def learn_though_frozen(patch):
    patch.setattr(PlasticAgent, "freeze", lambda self: None)


def drift_while_resting(patch):
    patch.setattr(Resting, "keep", lambda self: None)


def take_truncation_for_termination(patch):
    learn = PlasticAgent.learn

    def learned(self, outcome, involved):
        outcome.terminated = outcome.terminated | outcome.truncated
        learn(self, outcome, involved)

    patch.setattr(PlasticAgent, "learn", learned)


@pytest.mark.parametrize(
    ("breaks", "check", "case"),
    [
        (act_outside, "actions-valid", "linear"),
        (act_by_chance, "deterministic", "linear"),
        (ignore_seeds, "seeded", "linear"),
        (share_third_factors, "replicas-independent", "linear"),
        (forget_the_modulator, "resumes-exactly", "critic"),
        (keep_objects, "state-is-plain", "linear"),
        (learn_though_frozen, "frozen-twin", "linear"),
        (drift_while_resting, "resting-unchanged", "drifting"),
        (take_truncation_for_termination, "truncation", "linear"),
        (take_truncation_for_termination, "truncation", "critic"),
    ],
)
def test_a_broken_promise_is_found(breaks, check, case, monkeypatch):
    breaks(monkeypatch)
    report = check_agent(resolve(CASES[case]))
    assert check in {result.check for result in report.failures}, report.report()


def test_every_promise_is_broken_once():
    broken = test_a_broken_promise_is_found.pytestmark[0].args[1]
    assert {check for _, check, _ in broken} == {check_name(promise) for promise in PROMISES}


def test_parts_that_do_not_fit_are_said_as_they_are():
    with pytest.raises(ValueError, match="reads a critic population"):
        check_agent(resolve(LINEAR, {"modulator": "td"}))
