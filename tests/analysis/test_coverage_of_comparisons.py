"""Intervals of chances, shares and times: how often they hold the truth, and what is said of it."""

import re
from pathlib import Path

import numpy as np
import pytest

from threefactor.analysis.coverage_of_comparisons import (
    QUESTIONS,
    SEEDS,
    Question,
    coverage,
    coverage_table,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "statistics.md"
CASES = [
    (question, method, case)
    for question, asked in QUESTIONS.items()
    for method in asked.methods
    for case in asked.cases
]
#: The methods that are used.
USED = {"score interval", "Wilson", "Wilson, as shares"}


@pytest.mark.parametrize(("question", "method", "case"), CASES)
def test_a_cell_of_the_document_is_what_is_measured(question, method, case):
    """Of 200 samples; 6.5 % is three standard errors at 90 %."""
    stated = documented(DOCUMENT.read_text(), question)[method, case][SEEDS.index(5)]
    found = 100 * coverage(question, method, case, 5, n_samples=200, n_resamples=300)
    assert found == pytest.approx(stated, abs=10.5 if stated < 80 else 6.5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_document_states_what_is_measured(question):
    measured = documented(coverage_table(question), question)
    for key, cells in documented(DOCUMENT.read_text(), question).items():
        assert measured[key] == pytest.approx(cells, abs=1)  # 1: rounding


def test_what_is_used_holds_the_truth_and_a_bootstrap_does_not():
    text = DOCUMENT.read_text()
    stated = {q: documented(text, q) for q in QUESTIONS}
    cells = [(m, np.array(row)) for rows in stated.values() for (m, _), row in rows.items()]
    assert {method for method, _ in cells} > USED
    for method, row in cells:
        if method in USED:
            assert row.min() >= 91, method
    assert min(row.min() for method, row in cells if "bootstrap" in method) < 50


@pytest.mark.parametrize(("low", "high", "share"), [(0, 1, 1), (0.5, 0.5, 1), (0.6, 1, 0)])
def test_an_interval_holds_its_ends(low, high, share, monkeypatch):
    (question,) = [q for q in QUESTIONS if q.startswith("share")]
    given = Question({"given": lambda sample, n: (low, high)}, QUESTIONS[question].cases)
    monkeypatch.setitem(QUESTIONS, question, given)
    assert coverage(question, "given", "0.5", 5, n_samples=3) == share


def documented(text, question):
    """Return (method, case) -> coverage in per cent at each of `SEEDS`, from a Markdown table."""
    (table,) = re.findall(rf"^\| {question} .*\n\|[-|]*\n((?:\|.*\n?)*)", text, re.M)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {(method, case): [float(cell) for cell in cells] for method, case, *cells in rows}
