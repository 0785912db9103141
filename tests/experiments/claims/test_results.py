"""Kept results and the page that is made of them."""

import json
import re
from pathlib import Path

import pytest

from threefactor.experiments.claims import results
from threefactor.experiments.claims.registry import EXPERIMENTS

ROOT = Path(__file__).parents[3]


def found(**changes):
    return {
        "experiment": "rmax-bias", "claim": "It works.", "budget": 1.0, "seeds": list(range(10)),
        "is_complete": True, "score": "share right", "published": "",
        "bars": {"trained: above 0.8": True, "untrained: at most 0.6": False},
        "scores": {"trained": [0.9] * 9 + [0.5], "untrained": [0.5] * 10},
        "facts": {"decisions per second": "1234"}, "minutes": 2.4, "date": "2026-11-27",
        "processor": "a processor, 2 cores", "versions": {"threefactor": "0.1.0"},
        "git_commit": None, **changes,
    }  # fmt: skip


def test_the_page_is_that_of_the_results():
    made = results.page(results.read(ROOT / results.RESULTS))
    assert (ROOT / results.PAGE).read_text() == made, "run: python run.py reproduce NAME --keep"


def test_results_are_of_experiments_that_exist_and_make_the_same_claim():
    for result in results.read(ROOT / results.RESULTS):
        experiment = EXPERIMENTS[result["experiment"]]
        assert result["claim"] == experiment.claim
        assert list(result["bars"]) == [bar.text for bar in experiment.bars]
        assert tuple(result["scores"]) == experiment.arms
        assert len(result["seeds"]) >= experiment.n_seeds


def test_numbers_that_are_kept_are_typed_nowhere_else():
    """What `reproduce --keep` has found stands on the page of results, not in tables by hand."""
    learning = (ROOT / "docs" / "learning.md").read_text()
    reproductions = (ROOT / "docs" / "reproductions.md").read_text()
    typed = re.findall(r"^`python run.py reproduce ([\w-]+)`", learning, re.MULTILINE)
    typed += re.findall(r"^\| `([\w-]+)` \|", reproductions, re.MULTILINE)
    assert len(typed) >= 4
    assert set(typed) <= set(EXPERIMENTS)
    kept = {result["experiment"] for result in results.read(ROOT / results.RESULTS)}
    assert kept & set(typed) == set(), "take its numbers out of docs/learning.md, reproductions.md"


def test_everything_found_is_on_the_page():
    text = results.page([found()])
    assert "**1 of 2 fail**" in text
    assert "- **fails**: untrained: at most 0.6" in text
    assert "| trained | 0.86 | 0.900 [" in text
    assert "decisions per second: 1234" in text
    assert "2 minutes, a processor, 2 cores; threefactor 0.1.0; commit unknown." in text
    assert "commit 12ab-dirty." in results.page([found(git_commit="12ab-dirty")])
    assert "| published |" not in text
    assert "| published | | | 98 % |" in results.page([found(published="98 %")])


def test_only_full_runs_are_kept_and_make_the_page_in_any_folder(tmp_path):
    told = tmp_path / "result.json"
    for part in ({"budget": 0.5}, {"is_complete": False}):
        told.write_text(json.dumps(found(**part)))
        with pytest.raises(ValueError, match=r"keep rmax-bias: expected a full run"):
            results.keep(told, tmp_path)
    assert list(tmp_path.iterdir()) == [told]
    told.write_text(json.dumps(found()))
    file = results.keep(told, tmp_path)
    assert results.read(file.parent) == [json.loads(file.read_text())] == [found()]
    assert (tmp_path / "docs" / "results.md").read_text() == results.page([found()])
