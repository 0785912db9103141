"""The page on performance is what the benchmarks' results say, and nothing else."""

import importlib
import re
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("performance_page")


def test_the_page_is_that_of_the_results(maker):
    made = maker.page(maker.TEMPLATE.read_text(), maker.read_results())
    assert maker.PAGE.read_text() == made, "run: python benchmarks/performance_page.py"


def test_every_number_is_a_result(maker):
    """Other results are another page, and all that was measured is on it."""
    results = maker.read_results()
    template, names = maker.TEMPLATE.read_text(), set()
    for name, found in results.items():
        tables = {"provenance", *maker.BENCHMARKS[name](found)}
        names |= {(name, table) for table in tables}
    assert names <= set(re.findall(r"\{\{(\w+): (.+?)\}\}", template))
    before = maker.page(template, results)
    results["scaling"]["axes"]["replicas"][0]["step_us"] = [123.0]
    results["closed_loop"]["engine"][0]["engine_us"] = [123.0]
    changed = set(maker.page(template, results).splitlines()) - set(before.splitlines())
    assert len(changed) == 2
    assert all("123" in line for line in changed)


def test_short_runs_and_machine_are_named(maker):
    found = maker.read_results()["closed_loop"]
    assert "A short run" in maker.provenance({**found, "budget": 1})
    full = maker.provenance({**found, "budget": 100})
    assert "A short run" not in full
    assert found["machine"]["processor"] in full
    assert found["machine"]["date"] in full


def test_what_was_not_measured_is_said(maker):
    results = maker.read_results()
    results["closed_loop"].pop("windows", None)
    assert "Not measured in this run." in maker.page("{{closed_loop: windows}}", results)
    with pytest.raises(KeyError):
        maker.page("{{opened_loop: windows}}", results)
