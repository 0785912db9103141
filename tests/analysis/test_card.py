"""Rule cards drawn from made-up arrays, without any network."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from threefactor.analysis.card.comparison import draw_comparison
from threefactor.analysis.card.data import load_card
from threefactor.analysis.card.drawing import draw_card, plot_card, plot_comparison
from threefactor.analysis.style import COLOURS

HAS_UNIT = re.compile(r"\(.+\)|z of the drift")
#: Left out where the files matter and not the drawing.
MOST = ("window", "repeated", "frequency", "kernel", "weight", "bias", "gradient", "stability")
TAUS = {"shape": "exponential", "fitted tau (ms)": 25.0, "declared tau (ms)": 24.0,
        "declared as": "tau_eligibility_ms"}  # fmt: skip
REWARDS = ("reward", "reward minus its expectation")


def panels():
    """Return title, arrays and numbers of every panel."""
    rng = np.random.default_rng(0)
    lag, delay, f = np.arange(-50.0, 51.0), np.arange(20.0) * 5, np.array([1.0, 10.0, 50.0])
    window = np.sign(lag) * np.exp(-np.abs(lag) / 20)
    pair = {"dw_after": f * 1e-5, "dw_before": -f * 1e-5}
    bias = {f"z, {k}": 12.0 for k in ("constant 1", "random +-1")}
    bias |= {f"standard error, {k} (per s)": 0.1 for k in ("constant 1", "random +-1")}
    bias |= {"verdict": "drifts without information", "neurons": 9.0,
             "simulated per neuron (s)": 1.0, "postsynaptic rate (Hz)": 9.0}  # fmt: skip
    gradient = {
        f"{k}, {r}": 0.5
        for r in REWARDS
        for k in ("cosine", "standard error of the cosine", "signal to noise per sample")
    }
    g = rng.normal(size=6)
    curves = {k: np.full((5, 2), 2.0) for k in ("mean", "sd", "at_lower", "at_upper")}
    return {
        "window": ("STDP window", {"lag_ms": lag, "dw": window, "dw_without": 0 * lag},
                   {"fitted tau_plus (ms)": 20.0, "third factor after the pair (ms)": 0.0}),
        "repeated": ("Repeated", {"lag_ms": np.tile(lag, (3, 1)), "frequency_hz": f,
                                  "dw": np.tile(window, (3, 1))},
                     {"pairs": 60.0, "decision window (ms)": 7.0}),
        "frequency": ("Frequency", {"frequency_hz": f, **pair},
                      {"-10 ms changes sign between (Hz)": "never"}),
        "kernel": ("Eligibility", {"time_ms": delay, "eligibility": np.exp(-delay / 25)},
                   {"fitted variable": "eligibility", **TAUS}),
        "delay": ("Delay", {"delay_ms": delay, "dw": np.exp(-delay / 25), "fit": 0 * delay}, TAUS),
        "weight": ("Weight", {"w": f, **pair}, {"kind": "additive", "bounds hold": "yes"}),
        "bias": ("Drift", {k: rng.normal(size=9) for k in ("constant", "random")}, bias),
        "gradient": ("Gradient", {"gradient": g, "gradient_error": 0 * g, "update": g,
                                  "update_error": 0 * g, "update_critic": g,
                                  "update_error_critic": 0 * g},
                     {**gradient, "gradient by": "enumeration"}),
        "stability": ("Stability", {"time_s": np.arange(5.0), **curves}, {}),
    }  # fmt: skip


def write_card(folder, name, missing=()):
    """Write a card of which some panels do not apply; return its stem."""
    about = {
        "name": name, "docstring": "Does <something>: & more.\n\nEquations\nw += 1",
        "parameters": [{"name": "learning_rate", "value": 0.1, "default": 0.01, "meaning": "x<y"}],
        "blocks": {"on_pre": "w += learning_rate*(1 < 2)"}, "order": ["on_pre"], "requires": [],
        "protocol": {"postsynaptic neuron": "lif", "weight bounds": [0, 5]}, "budget": 1.0,
        "command": "python run.py card x", "date": "today", "versions": {"numpy": "2"},
        "seconds": 3.0,
    }  # fmt: skip
    saved, arrays = {}, {}
    for panel, (title, values, numbers) in panels().items():
        is_missing = panel in missing
        saved[panel] = {"title": title, "reason": "because" if is_missing else "",
                        "numbers": {} if is_missing else numbers}  # fmt: skip
        if not is_missing:
            arrays |= {f"{panel}/{key}": value for key, value in values.items()}
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(json.dumps({"about": about, "panels": saved}))
    return folder / name


@pytest.fixture
def stem(tmp_path):
    return write_card(tmp_path, "mine")


def labels(figure):
    figure.draw_without_rendering()
    return [
        text
        for axes in figure.axes
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title, axes.get_title("left"))
        if not isinstance(text, str)
    ]


def test_axes_name_their_units_in_legible_fonts(stem):
    for figure in (draw_card(load_card(stem)), draw_comparison([load_card(stem)] * 2)):
        found = [text for text in labels(figure) if text.get_text()]
        assert len(found) >= 12
        assert [t.get_text() for t in found if not HAS_UNIT.search(t.get_text())] == []
        assert all(8 <= text.get_fontsize() <= 10 for text in found)


def test_curves_use_colour_blind_safe_colours(stem):
    safe = {colour.lower() for colour in COLOURS} | {"#7f7f7f", "k"}
    for axes in draw_card(load_card(stem)).axes:
        assert {str(line.get_color()).lower() for line in axes.lines} <= safe


def test_a_panel_that_does_not_apply_says_why(tmp_path):
    stem = write_card(tmp_path, "poor", missing=("kernel", "gradient"))
    figure = draw_card(load_card(stem))
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert sum("because" in text for text in texts) == 2
    compared = draw_comparison([load_card(stem), load_card(write_card(tmp_path, "rich"))])
    notes = [text.get_text() for axes in compared.axes for text in axes.texts]
    assert "not applicable: poor" in notes


def test_pages_escape_what_they_quote(tmp_path):
    paths = plot_card(write_card(tmp_path, "mine", missing=MOST))
    assert [path.suffix for path in paths] == [".png", ".pdf", ".html"]
    page = paths[-1].read_text()
    assert "Does &lt;something&gt;: &amp; more." in page
    assert "(1 &lt; 2)" in page
    assert "<something>" not in page
    assert "http" not in page


def test_comparison_writes_all_kinds_of_files(tmp_path):
    stems = [write_card(tmp_path, name, missing=MOST) for name in ("mine", "other")]
    paths = plot_comparison(stems, tmp_path / "both")
    assert {path.suffix for path in paths} == {".png", ".pdf", ".html", ".json"}
    numbers = json.loads((tmp_path / "both.json").read_text())
    assert numbers["mine"]["delay"]["fitted tau (ms)"] == 25.0


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        load_card(tmp_path / "absent")


def test_drawing_needs_no_brian2(stem):
    code = (
        "import sys; from threefactor.analysis.card.drawing import draw_card; "
        "from threefactor.analysis.card.data import load_card; "
        f"draw_card(load_card({str(stem)!r})); "
        "heavy = ('brian2', 'threefactor.models', 'threefactor.rules'); "
        "sys.exit(any(name.startswith(heavy) for name in sys.modules))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
