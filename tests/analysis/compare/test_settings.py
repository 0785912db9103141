"""Groups are told apart, and named, by the few settings that explain what differs."""

import pytest

from threefactor.analysis.compare.settings import (
    asked_for,
    differing,
    distinguishing,
    flat_settings,
    group_name,
)
from threefactor.experiments.configuration import resolve


def settings(**config):
    return flat_settings(resolve(config).to_dict())


def told(*agents, strata=None):
    names = distinguishing(agents, strata or ["env"] * len(agents))
    return names, [group_name(agent, names) for agent in agents]


def test_a_part_is_named_by_its_name_and_its_fields_by_theirs():
    flat = settings(rule={"name": "rstdp-et", "learning_rate": 0.5}, env_kwargs={"size": 4})
    assert (flat["rule"], flat["rule.learning_rate"]) == ("rstdp-et", 0.5)
    assert (flat["env_kwargs.size"], flat["episodes"]) == (4, 1000)
    assert flat["encoder"] == "one-hot"


def test_a_replica_with_settings_of_its_own_has_those():
    config = resolve({"each": {"rule.learning_rate": [0.1, 0.2]}, "replicas": 2}).to_dict()
    rates = [flat_settings(config, replica)["rule.learning_rate"] for replica in (0, 1)]
    assert rates == [0.1, 0.2]
    assert not any(name.startswith("each") for name in flat_settings(config))


def test_a_rule_explains_its_own_settings():
    agents = settings(rule="reinforce"), settings(rule={"name": "rstdp-et", "learning_rate": 9.0})
    assert told(*agents) == (("rule",), ["reinforce", "rstdp-et"])


def test_a_learning_rate_is_named_where_it_alone_differs():
    agents = [settings(rule={"learning_rate": rate}) for rate in (0.1, 0.2)]
    assert told(*agents) == (
        ("rule.learning_rate",), ["learning rate 0.1", "learning rate 0.2"]
    )  # fmt: skip


def test_a_grid_of_two_settings_names_both():
    agents = [
        settings(rule={"name": rule, "learning_rate": rate})
        for rule in ("reinforce", "rstdp-et")
        for rate in (0.1, 0.2)
    ]
    names, labels = told(*agents)
    assert names == ("rule", "rule.learning_rate")
    assert labels[1] == "reinforce, learning rate 0.2"


def test_what_comes_first_is_left_out_where_what_comes_later_says_it_all():
    agents = [
        settings(rule={"name": rule, "learning_rate": rate})
        for rule, rate in (("reinforce", 0.1), ("rstdp-et", 0.2), ("reinforce", 0.3))
    ]
    assert told(*agents)[0] == ("rule.learning_rate",)


def test_what_depends_on_the_environment_alone_tells_nothing_apart():
    agents = [
        settings(rule=rule, window_ms=window)
        for rule in ("reinforce", "rstdp-et")
        for window in (10.0, 20.0)
    ]
    assert told(*agents, strata=["a", "b", "a", "b"])[0] == ("rule",)
    assert told(*agents)[0] == ("rule", "window_ms")


def test_fields_of_two_parts_with_one_name_are_named_in_full():
    agents = [
        settings(rule={"learning_rate": a}, critic_rule={"learning_rate": b})
        for a in (1.0, 2.0)
        for b in (3.0, 4.0)
    ]
    assert told(*agents)[1][0] == "rule.learning rate 1.0, critic rule.learning rate 3.0"


def test_files_are_named_without_their_folder():
    assert group_name({"rule": "/home/me/my_rule.py:Mine"}, ("rule",)) == "my_rule.py:Mine"


def test_names_that_a_user_types():
    known = [settings()]
    assert asked_for(["rule.learning-rate", "window_ms"], known) == (
        "rule.learning_rate", "window_ms"
    )  # fmt: skip
    with pytest.raises(ValueError, match="--by rul: expected a setting.*Did you mean 'rule'"):
        asked_for(["rul"], known)


def test_differing_settings_are_listed_with_their_values():
    found = differing([settings(rule="reinforce"), settings(rule="reinforce", window_ms=10.0)])
    assert found == {"window_ms": [20.0, 10.0]}
