"""What should harm no run harms none; the page is what was found."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("reliability")


def test_the_page_is_that_of_the_results(maker):
    assert maker.PAGE.read_text() == maker.page(maker.read_results()), (
        "run: python benchmarks/reliability.py --page"
    )


def test_what_is_on_the_page_harms_nothing(maker):
    results = maker.read_results()
    assert set(results) == set(maker.SECTIONS)
    for name, told in results.items():
        assert told["budget"] >= 1
        assert maker.SECTIONS[name].harm(told["found"]) == []


def test_harm_is_seen(maker):
    results = maker.read_results()
    results["damage"]["found"]["trials"][0][3]["plot"] = "hang"
    assert "HANG" in maker.page(results)
    results["interruptions"]["found"]["kills"][0]["wrong"] = "not identical"
    results["bad_input"]["found"]["faults"].append("a traceback: train --env 3")
    for name, told in results.items():
        assert len(maker.SECTIONS[name].harm(told["found"])) == 1


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", ["interruptions", "damage", "bad_input"])
def test_nothing_is_lost(maker, name):
    told = maker.measure(name, 1.0)
    assert maker.SECTIONS[name].harm(told["found"]) == []
