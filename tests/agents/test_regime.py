"""What a plastic agent says of its own plausibility."""

from dataclasses import replace

import pytest

from threefactor.experiments.layers import configure
from threefactor.experiments.training.setup import Setup
from threefactor.rules.modulators import MODULATORS, Reward


def regime(**settings):
    return Setup.of(configure(**settings)).regime()


def test_of_both_presets():
    plausible = regime(preset="plausible")
    fast = regime(preset="fast", model="actor-critic")
    assert plausible["without_membrane"] == []
    assert (plausible["input_rate_max_hz"], plausible["decision_ms"]) == (100.0, 100.0)
    assert fast["without_membrane"] == ["critic"]
    assert (fast["input_rate_max_hz"], fast["neurons"]["critic"]) == (1000.0, "Ising")
    assert (plausible["third_factor"], fast["third_factor"]) == ("outside", "spikes")
    assert plausible["sources"] == {"policy": "input"}
    assert fast["sources"] == {"policy": "input", "value": "input"}


@pytest.mark.parametrize("preset", ["plausible", "fast"])
def test_it_is_what_the_agent_at_work_says(preset):
    setup = Setup.of(configure(preset=preset, engine="runtime-numpy"))
    with setup.opened() as (_, agent):
        assert agent.describe()["regime"] == setup.regime()


def test_signs_are_asked_for_by_a_fraction():
    assert regime(**{"model.inhibitory_fraction": 0.2})["asks_signs"]
    assert not regime()["asks_signs"]


def test_every_modulator_says_what_computes_it():
    assert {name: kind().computed_by for name, kind in MODULATORS.items()} == {
        "reward": "reward", "reward-baseline": "reward", "td": "spikes", "td-linear": "outside",
        "dopamine": "reward", "feedback": "reward",
    }  # fmt: skip
    wrapped = MODULATORS["feedback"](wraps="td-linear")
    assert wrapped.computed_by == "outside"


def test_an_unknown_kind_is_refused():
    class Guessed(Reward):
        computed_by = "guess"

    setup = Setup.of(configure())
    with pytest.raises(ValueError, match=r"Modulator.computed_by 'guess'"):
        replace(setup, parts=replace(setup.parts, modulator=Guessed())).regime()
