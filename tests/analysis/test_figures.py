import re

import numpy as np
import pytest

from threefactor.analysis.gridworld import GridPolicy, best_actions, draw_gridworld
from threefactor.analysis.learning import (
    draw_evaluation,
    draw_learning_comparison,
    draw_learning_curve,
    running_mean,
)
from threefactor.analysis.marks import window_events
from threefactor.analysis.rasters import draw_raster, population_rate
from threefactor.analysis.run_data import EventKind, Events, Run, WeightHistory
from threefactor.analysis.style import save_figure, time_scale
from threefactor.analysis.traces import _line_styles, draw_traces, group_probes
from threefactor.analysis.weights import (
    draw_weight_matrices,
    draw_weight_trajectories,
    weight_matrix,
)

HAS_UNIT = re.compile(r"\(.+\)|index|Episode number")


def axis_labels(figure):
    figure.canvas.draw()
    return [text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_ylabel()) if text]


def draw(name, run):
    spikes = {population: run.spikes(population) for population in run.populations}
    returns, references = [run.episodes["return"]] * 3, {"random": 0.1, "optimum": 1.0}
    return {
        "raster": lambda: draw_raster(spikes, run.populations, run.events, (0, 500)),
        "traces": lambda: draw_traces(run.probes(), run.events, (0, 500)),
        "trajectories": lambda: draw_weight_trajectories(run.weights("plastic"), "plastic", "nS"),
        "matrices": lambda: draw_weight_matrices(run.weights("plastic"), "plastic", "nS"),
        "curve": lambda: draw_learning_curve(returns, references),
        "single curve": lambda: draw_learning_curve(returns[:1]),
        "comparison": lambda: draw_learning_comparison({"a": returns, "b": returns[:1]}),
        "gridworld": lambda: draw_gridworld(GridPolicy.from_arrays(run.policy)),
    }[name]()


def bands_and_bars(figure):
    """Return the number of shaded bands, and of bars with a diamond on them."""
    bands = [len(axes.collections) for axes in figure.axes]
    diamonds = [line for axes in figure.axes for line in axes.lines if line.get_marker() == "D"]
    return sum(bands), len(diamonds)


@pytest.mark.parametrize(("n_seeds", "n_drawn"), [(1, 0), (3, 0), (4, 0), (5, 1), (10, 1)])
def test_intervals_are_drawn_from_five_seeds_on(n_seeds, n_drawn):
    rng = np.random.default_rng(0)
    returns = [rng.normal(size=30) for _ in range(n_seeds)]
    assert bands_and_bars(draw_learning_curve(returns)) == (n_drawn, 0)
    figure = draw_learning_comparison({"rule": returns})
    assert bands_and_bars(figure) == (n_drawn, n_drawn)
    assert ("CI" in figure.axes[1].get_title()) == bool(n_drawn)
    points = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert sum(line.get_xdata().size for line in points) == n_seeds


def test_a_few_seeds_are_drawn_one_by_one():
    figure = draw_learning_curve([np.full(8, float(seed)) for seed in range(3)])
    levels = sorted(line.get_ydata()[-1] for line in figure.axes[0].lines)
    assert levels == [0.0, 1.0, 2.0]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["mean of last 100, each of 3 seeds"]


def test_an_evaluation_marks_the_mean_of_each_seed():
    returns = np.array([[1.0, 3.0], [10.0, 20.0], [0.0, 0.0]])
    panel = draw_evaluation(returns, np.ones((3, 2))).axes[0]
    assert [line.get_xdata()[0] for line in panel.lines] == [2.0, 15.0, 0.0]
    assert panel.get_title() == "lines: mean of each seed"
    assert draw_evaluation(returns[:1], np.ones((1, 2))).axes[0].get_title() == "mean 2"


NAMES = ["raster", "traces", "trajectories", "matrices", "curve", "single curve", "comparison"]


@pytest.mark.parametrize("name", [*NAMES, "gridworld"])
def test_axes_name_their_units_in_legible_fonts(name, run_path):
    figure = draw(name, Run(run_path))
    labels = axis_labels(figure)
    assert len(labels) >= 2
    assert [label for label in labels if not HAS_UNIT.search(label)] == []
    texts = [t for axes in figure.axes for t in (axes.xaxis.label, axes.yaxis.label, axes.title)]
    assert all(8 <= text.get_fontsize() <= 10 for text in texts)


def test_drawing_leaves_the_settings_of_the_caller_alone(run_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw("curve", Run(run_path))
    assert dict(matplotlib.rcParams) == before


def test_figures_are_saved_as_png_and_pdf(run_path, tmp_path):
    paths = save_figure(draw("curve", Run(run_path)), tmp_path / "new" / "v1.2")
    assert [path.name for path in paths] == ["v1.2.png", "v1.2.pdf"]
    assert all(path.stat().st_size > 1000 for path in paths)


def test_rates_integrate_to_the_number_of_spikes():
    times = np.random.default_rng(0).uniform(200, 800, 3000)
    centres_ms, rates_hz = population_rate(times, 10, (0.0, 1000.0))
    bin_s = (centres_ms[1] - centres_ms[0]) / 1e3
    assert rates_hz.sum() * bin_s * 10 == pytest.approx(3000)
    assert rates_hz[len(rates_hz) // 2] == pytest.approx(500, rel=0.2)


def test_event_at_the_start_of_a_window_belongs_to_what_was_before():
    kinds = np.array([EventKind.EPISODE_END, EventKind.EPISODE_START, EventKind.REWARD], np.uint8)
    events = Events(np.array([10.0, 10.0, 20.0]), kinds, np.zeros(3), np.zeros(3, np.int16))
    assert window_events(events, (10.0, 20.0), 0).kind.tolist() == [2, 1]
    assert window_events(events, (10.0, 20.0), 1).kind.size == 0


def test_running_mean_matches_its_definition():
    values = np.arange(6.0)
    assert running_mean(values, 3).tolist() == [0, 0.5, 1, 2, 3, 4]


def test_weight_matrix_leaves_missing_synapses_blank_and_adds_parallel_ones():
    pre, post = np.array([0, 0, 2]), np.array([1, 1, 0])
    history = WeightHistory(np.array([0]), np.array([[0.1, 0.2, 0.0]]), pre, post, 3, 2)
    matrix = weight_matrix(history, 0)
    assert matrix[0, 1] == pytest.approx(0.3)
    assert matrix[2, 0] == 0
    assert np.isnan(matrix).sum() == 4


def test_matrices_before_and_after_share_a_scale_centred_at_zero(run_path):
    before, after, change = draw("matrices", Run(run_path)).axes[:3]
    limits = [axes.images[0].get_clim() for axes in (before, after, change)]
    assert limits[0] == limits[1]
    assert [low for low, _ in limits] == [-high for _, high in limits]


def test_probes_are_grouped_by_variable_in_the_order_of_the_rule():
    names = ("a.v[0] (mV)", "p.w[1]", "p.eligibility[1]", "p.w[2]", "a.third_factor[0]")
    labels = [label.replace("\n", " ") for label, _ in group_probes(names)]
    assert labels[:2] == ["Eligibility (model units)", "Third factor (model units)"]
    assert labels[2:] == ["Weight (model units)", "v (mV)"]
    assert dict(group_probes(names))["Weight\n(model units)"] == [(1, "p[1]"), (3, "p[2]")]
    with pytest.raises(ValueError, match="expected a name such as"):
        group_probes(("w",))


def test_no_two_synapses_look_the_same():
    styles = _line_styles([f"p[{i}]" for i in range(12)] + ["actor[0]"])
    looks = [tuple(style.values()) for label, style in styles.items() if label != "actor[0]"]
    assert len(set(looks)) == 12


def test_greedy_actions_keep_ties_and_show_no_arrow_without_preference():
    best = best_actions(np.array([[1.0, 0.0, 1.0, 0.0], [2.0, 2.0, 2.0, 2.0]]))
    assert best.tolist() == [[True, False, True, False], [False] * 4]


def test_policy_arrays_are_checked():
    arrays = {"preferences": np.zeros((4, 4)), "values": np.zeros(4), "shape": np.array([2, 2])}
    with pytest.raises(ValueError, match="no start"):
        GridPolicy.from_arrays(arrays)
    arrays |= {"start": np.array(0), "goal": np.array([3]), "values": np.zeros(5)}
    with pytest.raises(ValueError, match=r"GridPolicy\.values: expected shape \(4,\)"):
        GridPolicy.from_arrays(arrays)


def test_gridworld_says_how_much_of_the_policy_is_optimal():
    arrays = {"preferences": np.eye(4)[[1, 2, 1, 0]], "values": np.arange(4.0)}
    arrays |= {"optimal_policy": np.array([1, 2, 0, 0]), "optimal_values": np.arange(4.0)}
    grid = {"shape": np.array([2, 2]), "start": np.array(0), "goal": np.array(3)}
    figure = draw_gridworld(GridPolicy.from_arrays(arrays | grid))
    assert "67% of states optimal" in figure.axes[0].get_title()


@pytest.mark.parametrize(("window", "scale"), [((0, 500), (1.0, "ms")), ((0, 3000), (1e-3, "s"))])
def test_time_unit_follows_the_window(window, scale):
    assert time_scale(window) == scale


def test_windows_without_data_are_refused(run_path):
    run = Run(run_path)
    with pytest.raises(ValueError, match="Raster: expected spikes of replica 0"):
        draw_raster({"output": run.spikes("output")}, {"output": 4}, run.events, (1e7, 2e7))
    with pytest.raises(ValueError, match="Traces: expected samples"):
        draw_traces(run.probes(), run.events, (1e7, 2e7))
    with pytest.raises(ValueError, match="at least one episode of every seed"):
        draw_learning_curve([[1.0], []])
