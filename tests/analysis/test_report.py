import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

import threefactor.analysis.report
from threefactor.analysis.report import (
    compare_runs,
    default_window,
    draw_run,
    plot_run,
    recorded_span,
)
from threefactor.analysis.run_data import EPISODE_COLUMNS, EventKind, Run
from threefactor.analysis.style import save_figure
from threefactor.experiments.training.run_directory import RunDirectory

ROOT = Path(threefactor.analysis.report.__file__).parents[1]
FIGURES = [
    "learning",
    "raster",
    "traces",
    "before-after",
    "plausibility",
    "health",
    "weights-plastic",
    "weight-matrix-plastic",
    "gridworld",
    "phase-plane",
]


def test_every_figure_is_drawn_and_not_empty(run_path, tmp_path, capsys):
    plotted = plot_run(run_path, tmp_path / "figures")
    paths = plotted.paths
    assert [p.name for p in paths] == [f"{f}.{kind}" for f in FIGURES for kind in ("png", "pdf")]
    for path in paths:
        assert path.stat().st_size > 5000
        if path.suffix == ".png":
            assert np.ptp(imread(path)) > 0.5
    assert plotted.report() == "\n".join(map(str, paths))
    assert capsys.readouterr().out == ""


def test_figures_are_drawn_without_a_file(run_path):
    before = set(run_path.rglob("*"))
    figures = draw_run(Run(run_path))
    assert list(figures) == FIGURES
    assert all(figure.axes for figure in figures.values())
    assert set(run_path.rglob("*")) == before


def test_skipped_figures_are_named_with_the_reason(tmp_path):
    with RunDirectory.create(tmp_path / "run", {}, {}) as run:
        run.append_episode(dict.fromkeys(EPISODE_COLUMNS, 1))
    plotted = plot_run(tmp_path / "run")
    assert [path.name for path in plotted.paths] == ["learning.png", "learning.pdf"]
    assert plotted.skipped["raster"] == "nothing recorded"
    assert plotted.report().splitlines()[-1].startswith("Skipped: raster (nothing recorded), ")
    assert "gridworld (no policy.npz)" in plotted.report()


def test_default_window_is_the_last_finished_episode(run_path):
    run = Run(run_path)
    events = run.events
    window = default_window(run, recorded_span(run), 0)
    assert window[0] == events.select(EventKind.EPISODE_START).time_ms[-1]
    assert window[1] == events.select(EventKind.EPISODE_END).time_ms[-1]


def test_windows_and_replicas_that_were_not_recorded_are_refused(run_path, tmp_path):
    with pytest.raises(ValueError, match=r"within the recorded 0 to .* got 1e\+06 to 2e\+06 ms"):
        plot_run(run_path, window_ms=(1e6, 2e6))
    with pytest.raises(ValueError, match="got 100 to 50 ms"):
        plot_run(run_path, window_ms=(100, 50))
    with pytest.raises(ValueError, match=r"expected a replica of \[0\], got 3"):
        plot_run(run_path, replica=3)
    RunDirectory.create(tmp_path / "empty", {}, {}).close()
    with pytest.raises(ValueError, match="expected recordings to show, got none"):
        plot_run(tmp_path / "empty", window_ms=(0, 10))
    with pytest.raises(ValueError, match="got no such directory"):
        plot_run(tmp_path / "nowhere")


def test_comparison_of_lengths_has_no_references_of_returns(run_path):
    figure = compare_runs({"rule": [run_path]}, "length", finals={"random agent": [5.0, 7.0]})
    left, right = figure.axes
    assert left.get_ylabel() == "Length of episode\n(decisions)"
    assert [text.get_text() for text in right.get_xticklabels()] == ["rule", "random agent"]
    assert right.get_title().startswith("last 30 episodes")
    assert len(right.lines) == 2
    assert len(compare_runs({"rule": [run_path]}).axes[1].lines) > 2


def test_comparison_takes_a_run_per_seed(run_path, tmp_path):
    figure = compare_runs({"rule": [run_path, run_path], "twin": [run_path]})
    paths = save_figure(figure, tmp_path / "a.b")
    assert [path.name for path in paths] == ["a.b.png", "a.b.pdf"]


def test_plotting_needs_no_brian2(run_path, tmp_path):
    code = (
        "import sys; from threefactor.analysis.report import plot_run; "
        f"plot_run({str(run_path)!r}, {str(tmp_path / 'f')!r}, (0, 200)); "
        "banned = {'brian2', 'yaml', 'gymnasium', 'matplotlib.pyplot', 'threefactor.experiments'}; "
        "print(sorted(banned & set(sys.modules)))"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.check_output(command, cwd=ROOT, text=True).splitlines()[-1] == "[]"


def test_recording_of_a_killed_process_is_drawn(killed_path, tmp_path):
    run = Run(killed_path)
    assert run.spikes("output").time_ms.size > 0
    assert run.spikes("output").time_ms.size == run.spikes("output").neuron.size
    plotted = plot_run(run.path, tmp_path / "figures")
    assert "raster.png" in [path.name for path in plotted.paths]
    assert "segment-00000.journal (its last rows are incomplete)" in plotted.report()
