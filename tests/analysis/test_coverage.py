"""Nominal 95 % intervals over a few seeds: how often they hold the truth, and which are used."""

import re
import statistics as standard_library
from pathlib import Path

import numpy as np
import pytest

from threefactor.analysis import statistics
from threefactor.analysis.coverage import (
    DISTRIBUTIONS,
    METHODS,
    N_SAMPLES,
    SEEDS,
    Method,
    bca_interval,
    bootstrap_t_interval,
    coverage,
    coverage_table,
    main,
    trimmed_t_interval,
    truth,
)
from threefactor.analysis.statistics import CLAIM_SEEDS, INTERVAL_SEEDS, Interval, iqm

DOCUMENT = Path(__file__).parents[2] / "docs" / "statistics.md"
BOOTSTRAP_MEAN = "mean, percentile bootstrap"
BOOTSTRAP_IQM = "interquartile mean, percentile bootstrap"
STUDENT = "mean, Student t"
FEW = {"n_samples": 400, "n_resamples": 400}

#: What an independent audit measured, in per cent.
AUDIT = [
    (BOOTSTRAP_MEAN, "normal", {2: 50, 5: 83, 10: 90}),
    (BOOTSTRAP_MEAN, "lognormal", {5: 72, 10: 80}),
    (BOOTSTRAP_IQM, "normal", {5: 90, 10: 95}),
    (BOOTSTRAP_IQM, "lognormal", {10: 93}),
]


def test_truths_in_closed_form():
    assert truth("normal", iqm) == pytest.approx(0, abs=3e-3)
    # E[exp(z)] of the middle half: exp(1/2) (Phi(q - 1) - Phi(-q - 1)) / (1/2), Phi(q) = 3/4.
    assert truth("lognormal", iqm) == pytest.approx(1.0733, abs=3e-3)

    assert truth("bimodal", np.mean) == pytest.approx(0.8, abs=3e-3)


def test_t_of_the_trimmed_mean_by_hand():
    """Of 0 to 8 the middle five count; winsorised 2, 2, 2, 3, 4, 5, 6, 6, 6 with variance 3.25."""
    centre, low, high = trimmed_t_interval(np.arange(9.0))
    error = 3.25**0.5 * 3 / 5
    assert (centre, high - centre) == pytest.approx((4.0, 2.776445 * error))
    assert centre - low == pytest.approx(high - centre)


def test_bootstrap_t_by_hand():
    sample = np.array([0.0, 1.0, 3.0, 8.0])
    draws = sample[np.random.default_rng(0).integers(4, size=(400, 4))]
    varied = [draw for draw in draws if draw.min() < draw.max()]
    assert len(varied) < len(draws)
    t = [(draw.mean() - 3.0) / standard_library.stdev(draw) for draw in varied]
    high, low = 3.0 - np.quantile(t, [0.025, 0.975]) * standard_library.stdev(sample)
    assert bootstrap_t_interval(sample, 400) == pytest.approx((3.0, low, high))


def test_bootstrap_t_of_a_draw_without_spread_knows_nothing():
    assert bootstrap_t_interval(np.array([0.0, 1.0]), 1) == (0.5, -np.inf, np.inf)


def test_bca_estimates_the_mean_and_leans_to_the_long_tail():
    centre, low, high = bca_interval(np.array([1.0, 1.2, 1.1, 1.3, 4.0]), 500)
    assert centre == pytest.approx(1.72)
    assert high - centre > centre - low > 0


@pytest.mark.parametrize(
    ("below", "above", "share"), [(0, 0, 1), (1, 0, 1), (0, 1, 1), (1, -1e-9, 0), (-1e-9, 1, 0)]
)
def test_an_interval_holds_its_ends(below, above, share, monkeypatch):
    right = truth("normal", np.mean)

    def interval(sample, n_resamples):
        return Interval(0.0, right - below, right + above)

    monkeypatch.setitem(METHODS, "given", Method(np.mean, interval))
    assert coverage("given", "normal", 3, n_samples=4) == share


def test_the_document_states_every_method_at_every_number_of_seeds():
    text = DOCUMENT.read_text()
    for distribution in DISTRIBUTIONS:
        rows = documented(text, distribution)
        assert list(rows) == list(METHODS)
        assert {len(cells) for cells in rows.values()} == {len(SEEDS)}
        assert f"| {distribution} scores | {' | '.join(map(str, SEEDS))} |\n" in text
    assert f"{N_SAMPLES} samples a cell" in text


def test_the_docstring_states_what_the_document_does():
    text = DOCUMENT.read_text()
    tables = [documented(text, distribution) for distribution in DISTRIBUTIONS]
    for method in (BOOTSTRAP_IQM, STUDENT, BOOTSTRAP_MEAN):
        line = next(row for row in statistics.__doc__.splitlines() if row.startswith(method))
        stated = [float(number) for number in re.findall(r"\d+", line)]
        columns = [SEEDS.index(n) for n in (INTERVAL_SEEDS, CLAIM_SEEDS)]
        assert stated == [table[method][column] for column in columns for table in tables]


def test_a_table_has_a_row_for_every_method_and_a_column_for_every_number_of_seeds(monkeypatch):
    def told(method, distribution, n_seeds):
        return n_seeds / 100 if (method, distribution) == (STUDENT, "bimodal") else 0.954

    monkeypatch.setattr("threefactor.analysis.coverage.coverage", told)
    lines = coverage_table("bimodal").splitlines()
    assert lines[:2] == [
        f"| bimodal scores | {' | '.join(map(str, SEEDS))} |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows = documented("\n".join(lines), "bimodal")
    assert list(rows) == list(METHODS)
    assert rows.pop(STUDENT) == list(SEEDS)
    assert all(cells == [95.0] * len(SEEDS) for cells in rows.values())


def test_one_table_after_the_other_is_printed(monkeypatch, capsys):
    monkeypatch.setattr("threefactor.analysis.coverage.coverage_table", "the table of {}".format)
    main()
    tables = [f"the table of {distribution}" for distribution in DISTRIBUTIONS]
    assert capsys.readouterr().out == "\n\n".join(tables) + "\n"


@pytest.mark.parametrize(("method", "distribution", "expected"), AUDIT)
def test_coverage_is_what_an_independent_audit_found(method, distribution, expected):
    found = {n: 100 * coverage(method, distribution, n, **FEW) for n in expected}
    assert found == pytest.approx(expected, abs=5)  # 2 standard errors at 400 samples


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_interval_of_scores_covers_whatever_the_distribution(distribution):
    assert coverage(BOOTSTRAP_IQM, distribution, INTERVAL_SEEDS, **FEW) >= 0.84
    assert coverage(BOOTSTRAP_IQM, distribution, CLAIM_SEEDS, **FEW) >= 0.89


def test_the_interval_of_means_covers_where_scores_are_normal():
    assert [coverage(STUDENT, "normal", n, **FEW) for n in (2, 5, 10)] == pytest.approx(
        [0.95] * 3, abs=0.03
    )


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("method", ["mean, bootstrap-t", "mean, BCa bootstrap"])
def test_a_cell_of_the_document_is_what_is_measured(method, distribution):
    stated = documented(DOCUMENT.read_text(), distribution)[method][SEEDS.index(5)]
    assert 100 * coverage(method, distribution, 5, **FEW) == pytest.approx(stated, abs=6)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_document_states_what_is_measured(distribution):
    measured = documented(coverage_table(distribution), distribution)
    for method, cells in documented(DOCUMENT.read_text(), distribution).items():
        assert measured[method] == pytest.approx(cells, abs=1)  # 1: rounding


def documented(text, distribution):
    """Return method -> coverage in per cent at each of `SEEDS`, from a table in Markdown."""
    (table,) = re.findall(rf"^\| {distribution} scores .*\n\|[-|]*\n((?:\|.*\n?)*)", text, re.M)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {name: [float(cell) for cell in cells] for name, *cells in rows}
