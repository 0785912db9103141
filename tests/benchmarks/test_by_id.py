"""The page of environments by their ids alone is what was found, failures included."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def maker(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("by_id")


def test_the_page_is_that_of_the_results(maker):
    made = maker.page(json.loads(maker.KEPT.read_text()))
    assert maker.PAGE.read_text() == made, "run: python benchmarks/by_id.py --page"


def test_one_environment_at_toy_size(tmp_path, maker):
    out = tmp_path / "out.json"
    command = [sys.executable, str(BENCHMARKS / "by_id.py"), "CartPole-v1", "--json", str(out)]
    done = subprocess.run(
        [*command, "--episodes", "2"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(out.read_text()).values()
    assert told["episodes"] == 2
    assert len(told["trained"]) == len(told["twin"]) == maker.REPLICAS
    assert told["fails"] == ["third factor"]  # a linear critic, outside
    assert "| CartPole-v1 | reinforce | 2 |" in done.stdout
    assert "Short runs" in done.stdout


def test_an_agent_no_better_than_its_twin_is_said(maker):
    told = {
        "machine": {"date": "2026-11-28 12:00", "processor": "P", "cores": 2}, "is_short": False,
        "minutes": 2.0, "episodes": 300, "rule": "reinforce", "trained": [1.0, 2.0],
        "twin": [3.0, 4.0], "is_better": False, "card": "7 of 7 hold", "fails": [],
    }  # fmt: skip
    row = "| Taxi-v4 | reinforce | 300 | 1, 2 | 3.5 | **no** | 7 of 7 hold | - | 2 |"
    assert row in maker.page({"Taxi-v4": told}).splitlines()
    assert "Short runs" not in maker.page({"Taxi-v4": told})
    assert "\nNot tried yet: CartPole-v1, " in maker.page({"Taxi-v4": told})
    assert "Not tried" not in maker.page(dict.fromkeys(maker.IDS, told))
    assert "| yes |" in maker.page({"Taxi-v4": {**told, "is_better": True}})
