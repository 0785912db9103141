"""Schedules: closed forms, arrays of the live network, replicas, resume, no build, errors."""

import pickle

import numpy as np
import pytest

from threefactor.agents.plastic.schedules import (
    SCHEDULES,
    Decay,
    Fixed,
    Interval,
    Ramp,
    RewardAdaptive,
)
from threefactor.analysis.run_data import Run
from threefactor.experiments.configuration import PARTS, resolve
from threefactor.experiments.training import evaluation
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.evaluation import evaluate_run
from threefactor.experiments.training.run import resume_agent, train_agent

GRID = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 30, "episodes": 6,
    "window_ms": 10.0, "model": {"name": "feed-forward", "neurons_per_action": 3},
    "modulator": "td-linear", "seed": 5, "rule": {"name": "reinforce", "learning_rate": 2.0},
}  # fmt: skip
#: Returns in this gridworld lie between 0 and 10.
KINDS = {
    "fixed": {"start": 2.0},
    "ramp": {"start": 8.0, "end": 2.0},
    "decay": {"end": 0.25},
    "interval": {"start": 8.0, "end": 2.0, "episodes_per_step": 2, "steps": 2},
    "reward-adaptive": {
        "start": 8.0, "end": 2.0, "return_at_start": 0.0, "return_at_end": 6.0,
        "memory_episodes": 2,
    },
}  # fmt: skip


def scheduled(kind, parameter="actor.v_slope", **options):
    return {"name": kind, "parameter": parameter, **KINDS[kind], **options}


def of_one(schedule, returns):
    """The value after a replica's episodes with these returns, of a parameter set to 4."""
    kept = np.full(schedule.memory + len(returns), np.nan)
    kept[schedule.memory :] = returns
    last = kept[len(kept) - schedule.memory :]
    ((value,),) = schedule.values([4.0], np.array([len(returns)]), last[None, :])
    return value


def test_table():
    assert PARTS["schedule"].table is SCHEDULES
    assert set(SCHEDULES) == set(KINDS)


def test_fixed_and_interval_in_closed_form():
    assert [of_one(Fixed(("a.b",), (3.0,)), [1.0] * n) for n in (0, 7)] == [3.0, 3.0]
    slope = Interval(start=(1.0,), end=(100.0,), episodes_per_step=3, steps=9)
    values = [of_one(slope, [0.0] * n) for n in range(40)]
    assert values == [1.0 + 11.0 * min(n // 3, 9) for n in range(40)]


def test_ramp_and_decay_in_closed_form():
    ramp = Ramp(("a.b",), (1.0,), (5.0,)).over(9)
    assert [of_one(ramp, [0.0] * n) for n in (0, 1, 8, 9, 90)] == [1.0, 1.5, 5.0, 5.0, 5.0]
    assert of_one(Ramp(("a.b",), end=(6.0,)).over(5), [0.0] * 2) == 5.0
    assert of_one(Ramp(("a.b",), end=(6.0,), episodes=3).over(5), [0.0] * 2) == 6.0
    assert of_one(Ramp(("a.b",), end=(6.0,)).over(1), []) == 4.0
    decay = Decay(("a.b",)).over(5)
    left = [of_one(decay, [0.0] * n) for n in range(5)]
    np.testing.assert_allclose(left, 4.0 * 10 ** (-np.arange(5) / 4), rtol=1e-12)
    halves = Decay(("a.b",), end=(0.5,), is_geometric=False).over(3)
    assert [of_one(halves, [0.0] * n) for n in range(3)] == [4.0, 3.0, 2.0]
    with pytest.raises(ValueError, match=r"Ramp.episodes: expected the length of the run"):
        of_one(Ramp(("a.b",), end=(6.0,)), [])


def test_what_is_set_to_0_stays_there():
    values = Decay(("a", "b")).over(3).values([2.0, 0.0], np.array([0, 2]), np.zeros((2, 0)))
    np.testing.assert_allclose(values, [[2.0, 0.0], [0.2, 0.0]])


def test_each_parameter_may_have_its_own_start_and_end():
    schedule = Interval(("a", "b", "c"), (1.0, 2.0, 3.0), (5.0,), 1, 2)
    values = schedule.values([7.0, 8.0, 9.0], np.array([0, 1, 2]), np.zeros((3, 0)))
    np.testing.assert_array_equal(values, [[1.0, 2.0, 3.0], [3.0, 3.5, 4.0], [5.0, 5.0, 5.0]])
    relative = Interval(("a", "b"), None, (2.0, 0.5), 1, 2, is_relative=True)
    values = relative.values([8.0, 4.0], np.array([0, 2]), np.zeros((2, 0)))
    np.testing.assert_array_equal(values, [[8.0, 4.0], [16.0, 2.0]])


def test_reward_adaptive_is_the_printed_formula():
    """k_t = 1/10 sum_{i=0..9} (r_{t-i}/2 + r'_{t-i}/2), clamped to [1, 100]."""
    rng = np.random.default_rng(0)
    returns = np.cumsum(rng.normal(2.0, 40.0, 60))
    values = []
    for t in range(10, 60):
        terms = [0.5 * returns[t - i] + 0.5 * (returns[t - i] - returns[t - i - 1])
                 for i in range(10)]  # fmt: skip
        values.append(np.clip(sum(terms) / 10, 1.0, 100.0))
        assert of_one(RewardAdaptive(), returns[: t + 1]) == pytest.approx(values[-1], rel=1e-12)
    assert min(values) == 1.0
    assert max(values) == 100.0
    assert len(set(values)) > 10


def test_reward_adaptive_before_its_memory_is_full():
    schedule = RewardAdaptive((), (10.0,), (0.0,), -100.0, 100.0, 3, 0.25)

    def value(score):
        return 10.0 - 10.0 * (score + 100.0) / 200.0

    assert of_one(schedule, []) == 10.0
    assert of_one(schedule, [40.0]) == pytest.approx(value(30.0))
    assert of_one(schedule, [40.0, 0.0]) == pytest.approx(value((30.0 - 10.0) / 2))


def slopes(loop):
    """The scheduled array, in mV, at the start and after each decision that ended an episode."""
    array, seen = loop.agent.network.engine.array("actor.v_slope"), []
    seen.append(array.copy() * 1e3)
    done = 0
    while not loop.tally.is_finished:
        loop.decide()
        if loop.tally.done.sum() > done:
            done = loop.tally.done.sum()
            seen.append(array.copy() * 1e3)
    return np.array(seen)


CASES = [*((kind, "compiled", 30) for kind in KINDS), ("interval", "runtime-numpy", 4)]


@pytest.mark.parametrize(("kind", "engine", "steps"), CASES)
def test_the_network_runs_with_the_value_of_its_episode(kind, engine, steps, open_loop):
    loop = open_loop(GRID, schedule=scheduled(kind), engine=engine, max_episode_steps=steps)
    values = slopes(loop).ravel()
    returns = [episode["discounted"] for episode in loop.trace.episodes[0]]
    schedule = loop.agent.schedule._schedule
    expected = [of_one(schedule, returns[:n]) for n in range(7)]
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert len(set(values)) == {"fixed": 1, "interval": 3, "ramp": 6}.get(kind, len(set(values)))
    assert kind == "fixed" or len(set(values)) > 2


@pytest.mark.parametrize(
    ("parameter", "value", "part", "option"),
    [
        ("actor.v_slope", 2.0, "neuron", "v_slope_mv"),
        ("actor.v_slope_mv", 2.0, "neuron", "v_slope_mv"),
        ("policy.learning_rate", 0.5, "rule", "learning_rate"),
        ("policy.tau_plus", 5.0, "rule", "tau_plus_ms"),  # lives on the input neurons as well
    ],
)
def test_fixed_is_the_option_that_it_stands_for(
    parameter, value, part, option, open_loop, run_loop
):
    settings = {**GRID, "rule": {"name": "rstdp-et", "learning_rate": 0.1}}
    schedule = {"name": "fixed", "parameter": [parameter], "start": value}
    one = run_loop(open_loop(settings, schedule=schedule))
    own = {**settings.get(part, {"name": "escape-lif"}), option: value}
    other = run_loop(open_loop({**settings, part: own}))
    assert one.trace.rows == other.trace.rows
    weights = [loop.agent.network.weights()["policy"] for loop in (one, other)]
    np.testing.assert_array_equal(*weights)
    plain = run_loop(open_loop(settings)).agent.network.weights()["policy"]
    assert not np.array_equal(weights[0], plain)


def test_shared_parameters_get_the_mean_over_replicas(open_loop):
    loop = open_loop(GRID, schedule=scheduled("interval", episodes_per_step=1), replicas=3)
    values, done = slopes(loop), np.zeros(3, int)
    assert values.shape[1] == 1
    assert values[-1] == 2.0
    fresh = open_loop(GRID, schedule=scheduled("interval", episodes_per_step=1), replicas=3)
    while not fresh.tally.is_finished:
        fresh.decide()
        done = np.minimum(fresh.tally.done, 2)
        mean = np.mean(8.0 - 3.0 * done)
        assert fresh.agent.network.engine.array("actor.v_slope")[0] == pytest.approx(mean * 1e-3)


def test_replicas_are_independent_where_every_neuron_has_its_own_value(open_loop, run_loop):
    model = {**GRID["model"], "heterogeneous": ["v_slope"], "heterogeneity": 0.2}
    settings = {**GRID, "model": model, "schedule": scheduled("reward-adaptive")}
    together = run_loop(open_loop(settings, replicas=3))
    for replica in range(3):
        alone = run_loop(open_loop(settings, seed=5 + replica))
        assert alone.trace.rows[0] == together.trace.rows[replica]
        np.testing.assert_array_equal(
            alone.agent.network.replicated("actor.v_slope")[0],
            together.agent.network.replicated("actor.v_slope")[replica],
        )
    drawn = open_loop({**settings, "schedule": "fixed"}, replicas=3).agent.network
    ratio = together.agent.network.replicated("actor.v_slope") / drawn.replicated("actor.v_slope")
    np.testing.assert_allclose(ratio, ratio[:, :1].repeat(12, axis=1), rtol=1e-12)
    assert len(np.unique(ratio.round(9))) > 1


@pytest.mark.parametrize(("kind", "engine", "steps"), CASES[1:])
def test_running_on_from_a_state_equals_never_having_stopped(
    kind, engine, steps, open_loop, run_loop
):
    settings = {
        **GRID, "schedule": scheduled(kind), "engine": engine, "replicas": 2,
        "max_episode_steps": steps,
    }  # fmt: skip
    whole = run_loop(open_loop(settings))
    half = open_loop(settings)
    while half.tally.done.min() < 3:
        half.decide()
    saved, rows = pickle.dumps(half.state()), [list(r) for r in half.trace.rows]
    half.decide()
    rest = open_loop(settings, seed=99)
    rest.restore(pickle.loads(saved))
    run_loop(rest)
    for replica in range(2):
        assert rows[replica] + rest.trace.rows[replica] == whole.trace.rows[replica]
    for name in ("actor.v_slope", "policy.w"):
        np.testing.assert_array_equal(
            whole.agent.network.engine.array(name), rest.agent.network.engine.array(name)
        )


def train(path, **options):
    small = {"record_episodes": 0, "weight_snapshots": 1, "reference_episodes": 0}
    return train_agent(resolve(GRID, small, options), path)


def test_resumed_with_more_episodes_equals_one_long_run(tmp_path):
    schedule = scheduled("reward-adaptive")
    whole = train(tmp_path / "whole", schedule=schedule, episodes=8)
    part = train(tmp_path / "part", schedule=schedule, episodes=4)
    resumed = resume_agent(part.path, 8)
    one, two = (load_checkpoint(run.path)["agent"] for run in (whole, resumed))
    for name in ("actor.v_slope", "policy.w"):
        np.testing.assert_array_equal(
            one["network"]["arrays"][name], two["network"]["arrays"][name]
        )
    np.testing.assert_array_equal(one["schedule"]["returns"], two["schedule"]["returns"])
    assert Run(whole.path).config["schedule"] == {**resolve({"schedule": schedule}).to_dict()[
        "schedule"]}  # fmt: skip
    assert whole.summary["scheduled"] == resumed.summary["scheduled"]


def test_evaluation_keeps_to_the_value_that_training_ended_with(tmp_path, monkeypatch):
    result = train(tmp_path / "run", schedule=scheduled("interval", episodes_per_step=3))
    seen, play = [], evaluation.play

    def note(agent, *rest):
        episodes = play(agent, *rest)
        seen.append(agent.network.engine.array("actor.v_slope").copy())
        return episodes

    monkeypatch.setattr(evaluation, "play", note)
    evaluate_run(result.path, 9)
    arrays = load_checkpoint(result.path)["agent"]["network"]["arrays"]
    np.testing.assert_array_equal(seen[0], arrays["actor.v_slope"])
    assert seen[0] == pytest.approx(2e-3)


def test_schedules_never_build(open_loop, run_loop):
    open_loop(GRID)  # whatever this needs is in the cache from here on
    for kind in KINDS:
        loop = open_loop(GRID, schedule=scheduled(kind))
        assert not loop.agent.network.engine.was_built
        run_loop(loop)


def test_a_frozen_network_stays_frozen(open_loop, run_loop):
    schedule = scheduled("interval", "policy.learning_rate")
    loop = open_loop(GRID, schedule=schedule, control="frozen")
    before = loop.agent.network.weights()["policy"]
    run_loop(loop)
    assert loop.agent.network.engine.array("policy.learning_rate") == 0.0
    np.testing.assert_array_equal(loop.agent.network.weights()["policy"], before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (scheduled("interval", "actor.v_slop"), "Did you mean 'actor.v_slope'?"),
        (scheduled("interval", "v_slope"), "there is no parameter 'v_slope'"),
        (scheduled("interval", ["actor.v_slope", "actor.z"]), "no parameter 'actor.z'"),
        (scheduled("interval", end=-1.0), "EscapeLIF.v_slope_mv must be > 0, got -1.0"),
        (scheduled("fixed", "policy.learning_rate", start=-1.0), "learning_rate must be >= 0"),
        ({"name": "interval"}, "Interval.parameter: expected what to move, got nothing"),
        (
            scheduled("interval", ["actor.v_slope"] * 3, start=[1.0, 2.0]),
            "for each of 3 parameters",
        ),
        (scheduled("fixed", end=1.0), "Fixed.end: expected none"),
        (scheduled("ramp", episodes=0), "Ramp.episodes must be >= 1 or none, got 0"),
        (scheduled("decay", end=0.0), "Decay.is_geometric: expected starts and ends of one sign"),
        (scheduled("decay", "modulator.learning_rat"), "Did you mean 'modulator.learning_rate'?"),
        (scheduled("decay", "decoder.temperature"), "no parameter 'decoder.temperature' to move"),
        (scheduled("fixed", "modulator.discount", start=2.0), "discount must be in [0, 1], got 2"),
        ({"name": "fixed", "start": 2.0}, "needs both parameter and start or neither"),
        ({"name": "fixed", "parameter": "actor.v_slope"}, "needs both parameter and start"),
        (scheduled("interval", steps=0), "Interval.steps must be >= 1, got 0"),
        (scheduled("interval", start=float("nan")), "schedule.start must be a finite number"),
        (scheduled("reward-adaptive", return_at_end=-1.0), "must be < return_at_end = -1.0"),
        (scheduled("reward-adaptive", memory_episodes=0), "memory_episodes must be >= 1"),
        (scheduled("reward-adaptive", difference_weight=2.0), "difference_weight must be in"),
        ({"name": "intervall"}, "Unknown schedule 'intervall'. Did you mean 'interval'?"),
    ],
)
def test_errors(settings, message, open_loop):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        open_loop(GRID, schedule=settings)
    assert message in str(caught.value)


def test_lazy_decays_may_not_become_faster_than_they_were_built_for(open_loop):
    rule = {"name": "rstdp-et", "tau_eligibility_ms": 50.0}
    parameter = "policy.tau_eligibility_ms"
    with pytest.raises(ValueError, match=r"must not fall below .* 50.0, got 20.0"):
        open_loop(GRID, rule=rule, schedule=scheduled("interval", parameter, start=20.0, end=90.0))
    slower = scheduled("interval", parameter, start=50.0, end=90.0)
    loop = open_loop(GRID, rule=rule, schedule=slower)
    assert loop.agent.network.engine.array("policy.tau_eligibility") == pytest.approx(0.05)


HOSTED = {
    **GRID, "decoder": {"name": "softmax", "temperature": 3.0}, "replicas": 2,
    "modulator": {"name": "td-linear", "learning_rate": 0.4, "trace_decay": 0.5},
    "schedule": {
        "name": "interval", "episodes_per_step": 2, "steps": 2, "start": [2.0, 0.4, 3.0],
        "parameter": ["policy.learning_rate", "modulator.learning_rate", "decoder.temperature"],
        "end": [1.0, 0.2, 0.5],
    },
}  # fmt: skip


def present(agent):
    """What is in force of the scheduled parameters."""
    return [
        float(agent.network.engine.array("policy.learning_rate")[0]),
        agent.modulator.settings.learning_rate,
        agent.decoder.settings.temperature,
    ]


@pytest.mark.parametrize("normalise", ["none", "returns"])
def test_several_parameters_of_network_and_host_move_together(normalise, open_loop):
    modulator = {**HOSTED["modulator"], "normalise": normalise}
    loop = open_loop(HOSTED, modulator=modulator)
    ends = np.array([[2.0, 0.4, 3.0], [1.0, 0.2, 0.5]])
    while not loop.tally.is_finished:
        fraction = np.mean(np.minimum(loop.tally.done // 2, 2) / 2)
        expected = ends[0] + fraction * (ends[1] - ends[0])
        np.testing.assert_allclose(present(loop.agent), expected, rtol=1e-12)
        loop.decide()
    np.testing.assert_allclose(present(loop.agent), ends[1])
    names = HOSTED["schedule"]["parameter"]
    assert loop.agent.describe()["scheduled"] == [dict(zip(names, ends[1], strict=True))] * 2
    shared = "decoder.temperature, modulator.learning_rate, policy.learning_rate"
    assert loop.agent.shared == f"the scheduled parameter {shared}"


def test_a_scheduled_setting_is_the_option_that_it_stands_for(open_loop, run_loop):
    fixed = {"name": "fixed", "start": [0.1, 0.3, 0.7, 5.0]}
    fixed["parameter"] = [*(f"modulator.{name}" for name in ("learning_rate", "trace_decay",
                          "discount")), "decoder.temperature"]  # fmt: skip
    one = run_loop(open_loop(HOSTED, schedule=fixed))
    modulator = {"name": "td-linear", "learning_rate": 0.1, "trace_decay": 0.3, "discount": 0.7}
    decoder = {"name": "softmax", "temperature": 5.0}
    other = run_loop(open_loop(HOSTED, schedule="fixed", modulator=modulator, decoder=decoder))
    assert one.trace.rows == other.trace.rows
    assert one.trace.rows != run_loop(open_loop(HOSTED, schedule="fixed")).trace.rows


def test_settings_of_the_host_are_resumed_and_adopted(open_loop, run_loop):
    whole, half = run_loop(open_loop(HOSTED)), open_loop(HOSTED)
    while half.tally.done.min() < 3:
        half.decide()
    saved, rows = pickle.dumps(half.state()), [list(r) for r in half.trace.rows]
    rest = open_loop(HOSTED, seed=99)
    rest.restore(pickle.loads(saved))
    assert present(rest.agent) == present(half.agent)
    run_loop(rest)
    for replica in range(2):
        assert rows[replica] + rest.trace.rows[replica] == whole.trace.rows[replica]
    twin = open_loop(HOSTED, control="frozen").agent
    twin.adopt(whole.agent.state())
    assert present(twin)[1:] == [0.2, 0.5]


def test_a_decay_over_the_run_reaches_its_end_in_the_last_episode(open_loop):
    schedule = {"name": "decay", "parameter": ["policy.learning_rate", "modulator.learning_rate"]}
    loop = open_loop(HOSTED, schedule=schedule, replicas=1, episodes=4)
    seen = []
    while not loop.tally.is_finished:
        if loop.tally.done[0] == len(seen):
            seen.append(present(loop.agent)[:2])
        loop.decide()
    left = 10 ** (-np.arange(4) / 3)
    np.testing.assert_allclose(seen, np.outer(left, [2.0, 0.4]), rtol=1e-12)
