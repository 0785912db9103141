"""Health: every condition at its threshold, for how long, for whom, and what is said of it."""

import math
from dataclasses import fields

import pytest

from threefactor.analysis.conditions import (
    BOUNDS_SHARE,
    CLOCK_CV,
    CONDITIONS,
    DEAD_SHARE,
    DECISIONS_PER_INPUT,
    FLAT,
    LASTING,
    LASTING_WITHOUT_REWARD,
    REGULAR,
    SATURATED_SHARE,
    SILENT_SHARE,
    HealthRow,
)
from threefactor.analysis.health import Anatomy, Judge, interval_cvs, measure_health
from threefactor.analysis.remedies import ATTEMPTS, LATE, remedy
from threefactor.analysis.run_data import Run
from threefactor.experiments.configuration import PARTS, RunOptions, resolve
from threefactor.experiments.parts.kinds import KINDS

ANATOMY = Anatomy(
    {"input": 10, "hidden": 5, "actor": 4, "critic": 4, "td": 1},
    "input", "actor", "critic", ("td",),
)  # fmt: skip
HEALTHY = {
    "rate_hz": 20.0, "silent": 0.0, "saturated": 0.0, "never_fired": 0.0, "at_bounds": 0.0,
    "third_factor_low": -1.0, "third_factor_high": 1.0, "not_finite": 0,
}  # fmt: skip


def row(episode, population="actor", replica=0, decisions=100, **changes):
    return HealthRow(
        replica=replica, episode=episode, decisions=decisions, population=population,
        **{**HEALTHY, **changes},
    )  # fmt: skip


def judged(rows, episodes=1000, config=()):
    judge = Judge(ANATOMY, {"episodes": episodes, **dict(config)})
    for each in rows:
        judge.add(each)
    return judge.ailments()


def lasting(population="actor", n=LASTING, **changes):
    return judged([row(e, population, **changes) for e in range(1, n + 1)])


def names(ailments):
    return [(ailment.condition.name, ailment.population) for ailment in ailments]


@pytest.mark.parametrize(
    ("name", "population", "ill", "well"),
    [
        ("silent", "actor", {"silent": SILENT_SHARE}, {"silent": SILENT_SHARE - 0.01}),
        ("silent", "hidden", {"silent": 1.0}, {"silent": 0.5}),
        ("silent-input", "input", {"rate_hz": 0.0, "silent": 1.0}, {"silent": 1.0}),
        ("saturated", "critic", {"saturated": SATURATED_SHARE}, {"saturated": 0.49}),
        ("weights-at-bounds", "actor", {"at_bounds": BOUNDS_SHARE}, {"at_bounds": 0.89}),
        ("dead-inputs", "input", {"never_fired": DEAD_SHARE}, {"never_fired": 0.74}),
        ("not-finite", "critic", {"not_finite": 1}, {"not_finite": 0}),
        (
            "constant-third-factor", "actor",
            {"third_factor_low": 1.0, "third_factor_high": 1.0 + FLAT / 2},
            {"third_factor_low": 1.0, "third_factor_high": 1.0 + FLAT * 3},
        ),
    ],
)  # fmt: skip
def test_a_condition_begins_at_its_threshold(name, population, ill, well):
    expected = "" if CONDITIONS[name].whose == "agent" else population
    assert names(lasting(population, **ill)) == [(name, expected)]
    assert lasting(population, **well) == ()


@pytest.mark.parametrize(
    ("population", "changes"),
    [
        ("critic", {"silent": 1.0}),  # a value of 0
        ("td", {"silent": 1.0}),  # its error needs no spikes
        ("input", {"silent": 0.99, "saturated": 1.0}),  # as the encoder says
        ("actor", {"never_fired": 1.0}),
        ("actor", {"silent": math.nan, "saturated": math.nan, "at_bounds": math.nan}),
        ("actor", {"third_factor_low": math.nan, "third_factor_high": math.nan}),
    ],
)
def test_what_is_no_illness_of_a_population(population, changes):
    assert lasting(population, n=600, **changes) == ()


def test_a_condition_has_to_last():
    assert lasting(n=LASTING - 1, silent=1.0) == ()
    (ailment,) = lasting(n=LASTING + 3, silent=1.0)
    assert ailment.episodes == LASTING + 3
    broken = [row(e, silent=float(e != 10)) for e in range(1, LASTING + 10)]
    assert judged(broken) == ()
    assert len(judged([*broken, row(LASTING + 10, silent=1.0)])) == 1
    assert judged([row(e, silent=1.0) for e in (5, 12, 19)]) == ()  # rows of several episodes
    assert len(judged([row(e, silent=1.0) for e in (5, 12, 20)])) == 1


def test_in_a_short_run_it_lasts_for_all_of_it_but_for_missing_rewards():
    nothing = {"silent": 1.0, "third_factor_low": 0.0, "third_factor_high": 0.0}
    rows = [row(e, **nothing) for e in range(1, 6)]
    assert names(judged(rows, episodes=5)) == [("silent", "actor")]
    assert judged(rows, episodes=6) == ()


def test_a_third_factor_of_zero_waits_for_rare_rewards():
    zero = {"third_factor_low": 0.0, "third_factor_high": 0.0}
    assert lasting(n=LASTING_WITHOUT_REWARD - 1, **zero) == ()
    assert names(lasting(n=LASTING_WITHOUT_REWARD, **zero)) == [("no-third-factor", "")]
    rows = [row(1), *(row(e, third_factor_low=0.0, third_factor_high=1e-9) for e in range(2, 502))]
    assert names(judged(rows)) == [("no-third-factor", "")]  # beside the 1 of the first row


def test_a_third_factor_is_constant_over_rows_and_not_within_each():
    levels = [row(e, third_factor_low=e, third_factor_high=e) for e in range(1, 100)]
    assert judged(levels) == ()
    late = [row(e, third_factor_low=7.0, third_factor_high=7.0) for e in range(100, 100 + LASTING)]
    (ailment,) = judged([*levels, *late])
    assert (ailment.condition.name, ailment.episodes) == ("constant-third-factor", LASTING)


def test_a_third_factor_that_all_populations_hear_is_told_once():
    flat = {"third_factor_low": 1.0, "third_factor_high": 1.0}
    rows = [row(e, p, **flat) for e in range(1, 30) for p in ("actor", "critic")]
    assert names(judged(rows)) == [("constant-third-factor", "")]


def test_dead_inputs_wait_until_the_task_has_gone_about():
    few = DECISIONS_PER_INPUT * ANATOMY.sizes["input"] - 1
    early = [row(e, "input", decisions=0, never_fired=0.9) for e in range(1, 40)]
    assert judged([*early, row(40, "input", decisions=few, never_fired=0.9)]) == ()
    more = [row(e, "input", decisions=few, never_fired=0.9) for e in range(40, 40 + LASTING + 1)]
    assert names(judged([*early, *more])) == [("dead-inputs", "input")]


def test_rows_say_when_somebody_falls_ill_and_recovers():
    judge = Judge(ANATOMY, {"episodes": 3})
    news = [judge.add(row(e, silent=s)) for e, s in enumerate((1, 1, 1, 1, 0, 0), 1)]
    assert news == [False, False, True, False, True, False]
    assert judge.ailments() == ()


def test_replicas_are_counted():
    rows = [row(e, replica=r, silent=float(r != 1)) for e in range(1, 25) for r in range(3)]
    (ailment,) = judged(rows)
    assert ailment.replicas == (0, 2)
    assert ailment.label(3) == "actor silent (2 of 3 replicas)"


def test_a_line_says_what_since_when_and_what_to_try():
    config = resolve(
        {"rule": {"learning_rate": 0.3}}, {"model": {"name": "feed-forward", "w_init_high": 1.75}}
    ).to_dict()
    rows = [row(e, silent=0.8) for e in range(1, 1 + LASTING)]
    (some,) = judged(rows, config=config)
    assert some.line(1) == (
        "80% of the neurons of actor silent in the last 20 episodes: raise --model.w-init-high "
        "(now 1.75), --encoder.rate-max-hz (now 100.0) or --neuron.bias-mv (now 0.0)"
    )
    rows = [row(1), *(row(e, silent=1.0) for e in range(2, 23))]
    (late,) = judged(rows, config=config)
    assert late.line(1).startswith(
        "actor silent in the last 21 episodes: lower --rule.learning-rate (now 0.3), or raise "
    )


@pytest.mark.parametrize("key", [*ATTEMPTS, *((f"late {role}", role) for role in LATE)])
def test_what_is_tried_exists(key):
    attempts = ATTEMPTS[key] if key in ATTEMPTS else (LATE[key[1]],)
    assert key[0] in {*CONDITIONS, REGULAR.name} or key not in ATTEMPTS
    for verb, what in attempts:
        assert verb in ("raise", "lower", "change", "take")
        part, is_choice, choice = what.partition("=")
        if is_choice:
            assert choice in KINDS[PARTS[part].kind].table
            continue
        part, _, name = what.rpartition(".")
        owners = KINDS[PARTS[part].kind].table.values() if part else [RunOptions]
        known = {f.name for owner in owners for f in fields(owner)}
        assert {name, f"{name}_mv"} & known, what


def test_what_is_tried_is_what_the_run_has():
    assert {name for name, _ in ATTEMPTS} == {*CONDITIONS, REGULAR.name}
    config = {"model": {"name": "own"}, "rule": {"name": "own", "learning_rate": 0.5}}
    assert remedy("silent", "output", config, False) == ""
    assert remedy("not-finite", "output", config, False) == "lower --rule.learning-rate (now 0.5)"
    assert remedy("weights-at-bounds", "output", {**config, "update": {"name": "adam"}}, False) == (
        "lower --rule.learning-rate (now 0.5), or take --update soft-bounds (now adam)"
    )
    own = {**config, "each": {"rule.learning_rate": [1, 2]}}
    assert "(each replica its own)" in remedy("not-finite", "output", own, False)
    limits = {"encoder": {"name": "tile", "low": [-1.0, -2.0], "high": []}}
    assert remedy("dead-inputs", "input", limits, False) == "raise --encoder.low (now -1.0 -2.0)"


def test_every_condition_says_why():
    for condition in (*CONDITIONS.values(), REGULAR):
        assert condition.asked
        assert condition.why
        assert condition.whose in ("input", "choosing", "others", "all", "agent")


def test_intervals_of_recorded_episodes(run_path):
    run = Run(run_path)
    cvs = interval_cvs(run)
    assert set(cvs) == set(run.populations)
    for by_episode in cvs.values():
        assert sum(by_episode.values()) / len(by_episode) == pytest.approx(1.0, abs=0.05)  # Poisson
    health = measure_health(run)
    assert health.is_healthy
    told = health.to_dict()["interval_cv"]["output"]  # as JSON has it
    assert told == {str(neuron): cv for neuron, cv in cvs["output"].items()}


def test_neurons_that_tick_like_clocks_are_ill(run_path, monkeypatch):
    from threefactor.analysis import health

    ticking = {"output": {1: 1.0, 2: CLOCK_CV}, "hidden": {1: 0.0}}  # hidden is its input
    monkeypatch.setattr(health, "interval_cvs", lambda run: ticking)
    (ailment,) = measure_health(Run(run_path)).ailments
    assert (ailment.condition, ailment.population) == (REGULAR, "output")
    assert ailment.line(1).startswith("output fires like a clock (CV of intervals 0.20)")
