"""Replicas with settings of their own: each is what it is alone, to the last bit."""

from dataclasses import replace

import numpy as np
import pytest

from threefactor.experiments.checks.agents import (
    Trace,
    frozen_twin,
    resting_unchanged,
    resumes_exactly,
)
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.setup import Setup
from threefactor.models.engine.build_cache import UnavailableError

#: Of every kind of part that holds numbers; the shared v_slope is scheduled.
EACH = {
    "rule.learning_rate": [0.5, 4.0],
    "rule.tau_eligibility_ms": [5.0, 20.0],
    "critic_rule.learning_rate": [0.1, 0.2],
    "neuron.tau_membrane_ms": [20.0, 15.0],
    "modulator.discount": [0.9, 0.5],
    "decoder.temperature": [1.0, 3.0],
    "encoder.rate_max_hz": [400.0, 300.0],
    "model.w_max": [20.0, 15.0],
    "schedule.episodes_per_step": [1, 2],
}
SEED, DECISIONS = 4, 30


def configured(engine, **others):
    settings = {
        "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 6, "seed": SEED,
        "window_ms": 10.0, "engine": engine, "rule": "rstdp-et", "decoder": "softmax",
        "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4},
        "schedule": {"name": "interval", "parameter": "actor.v_slope", "start": 5.0, "end": 1.0},
    }  # fmt: skip
    return resolve(settings, others)


def alone(engine, replica):
    """Return the configuration of one replica as a run of its own."""
    own = {}
    for name, values in EACH.items():
        part, _, field = name.partition(".")
        own.setdefault(part, {})[field] = values[replica]
    return configured(engine, **own, seed=SEED + replica)


def live(config):
    """Return what each replica saw and did in every decision, and the agent's state at the end."""
    setup = Setup.of(config)
    trace = Trace(len(setup.seeds))
    with setup.opened(lambda line: None) as (environments, agent):
        loop = setup.begin_loop(environments, agent, config.options.episodes, [trace])
        for _ in range(DECISIONS):
            loop.decide()
        assert loop.tally.done.min() > 2
        return trace.rows, agent.state(), agent.describe()["scheduled"]


def assert_same(one, other, where="state"):
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            assert_same(value, other[key], f"{where}[{key!r}]")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}[{number}]")
    else:
        np.testing.assert_array_equal(one, other, err_msg=where)


@pytest.mark.parametrize("engine", ["runtime-numpy", "compiled"])
def test_each_replica_is_what_it_is_alone(engine):
    rows, state, scheduled = live(configured(engine, each=EACH))
    for replica in range(2):
        row, own, values = live(alone(engine, replica))
        assert rows[replica] == row[0]
        assert_same(state["members"][replica], own)
        assert scheduled[replica] == values[0]
    weights = [member["network"]["arrays"]["policy.w"] for member in state["members"]]
    assert (weights[0] != weights[1]).any()


@pytest.mark.parametrize("promise", [resumes_exactly, frozen_twin, resting_unchanged])
def test_together_they_keep_the_promises_of_an_agent(promise):
    promise(replace(Setup.of(configured("compiled", each=EACH)), max_episode_steps=6))


def test_what_they_lack_is_said_once(monkeypatch):
    def obtain(plan):
        raise UnavailableError("there is no compiler")

    monkeypatch.setattr("threefactor.models.engine.compiled.obtain", obtain)
    lines = []
    with Setup.of(configured("auto", each=EACH)).opened(lines.append) as (_, agent):
        assert agent.describe()["engine"] == "runtime-numpy"
    assert len(lines) == 1


def test_networks_of_other_sizes_are_refused():
    setup = Setup.of(configured("runtime-numpy", each={"model.neurons_per_action": [2, 3]}))
    with pytest.raises(ValueError, match=r"got 108 of 'policy'.* in replica 1; train networks of"):
        with setup.opened(lambda line: None):
            pass
