"""Rule cards: every panel against closed forms, every rule of the table at a small budget."""

import functools
import html.parser
import json

import numpy as np
import pytest

from threefactor.analysis.card.data import load_card
from threefactor.analysis.card.drawing import draw_card, plot_comparison
from threefactor.experiments.checks.card import PANELS, make_cards, rule_card
from threefactor.experiments.checks.card.bench import W_MAX, W_MIN, Bench
from threefactor.experiments.checks.card.bias import unsupervised_bias, z_score
from threefactor.experiments.checks.card.card import HIGHLIGHTS, stem_of
from threefactor.experiments.checks.card.credit import best_delay, eligibility_kernel, reward_delay
from threefactor.experiments.checks.card.gradient import (
    WEIGHTS,
    exact_gradient,
    expected_reward,
    gradient_alignment,
)
from threefactor.experiments.checks.card.pairs import repeated_pairs, stdp_window, weight_dependence
from threefactor.experiments.checks.card.panel import fit_decay
from threefactor.rules import RULES

#: What a card of every rule measures in the fast tests; `stability` builds a network.
QUICK = tuple(panel for panel in PANELS if panel not in ("stability", "repeated", "frequency"))
PAIR = ("rstdp", "reinforce")
CRITIC = "reward minus its expectation"


def bench(name, **parameters):
    return Bench(RULES[name](**parameters))


@functools.cache
def bias(name, **parameters):
    return unsupervised_bias(bench(name, **parameters), budget=0.3).numbers


def test_window_of_rstdp_is_the_formula():
    rule = RULES["rstdp"](learning_rate=0.5, a_plus=1.2, a_minus=0.7, tau_minus_ms=35.0)
    panel = stdp_window(Bench(rule))
    lag = panel.arrays["lag_ms"]
    expected = np.where(lag >= 0, 1.2 * np.exp(-lag / 20.0), 0.0)
    expected -= np.where(lag <= 0, 0.7 * np.exp(lag / 35.0), 0.0)
    np.testing.assert_allclose(panel.arrays["dw"], 0.5 * expected, rtol=1e-6, atol=1e-9)
    assert not panel.arrays["dw_without"].any()
    assert panel.numbers["fitted tau_plus (ms)"] == pytest.approx(20.0, rel=1e-3)
    assert panel.numbers["fitted tau_minus (ms)"] == pytest.approx(35.0, rel=1e-3)


def test_repeated_pairs_of_stdp_are_the_geometric_sum():
    window, frequency = repeated_pairs(bench("stdp", learning_rate=1.0), budget=0.05)
    f, after = frequency.arrays["frequency_hz"], frequency.arrays["dw_after"]
    n = window.numbers["pairs"]
    expected = np.zeros(f.size)
    for k in range(1 - int(n), int(n)):  # every pre with every post, k periods apart
        lag = 10.0 + np.round(k * 1e3 / f)
        expected += (n - abs(k)) * np.sign(lag) * np.exp(-np.abs(lag) / 20.0)
    exact = np.isin(f, (1, 5, 10, 20, 40, 50))  # periods of whole timesteps
    np.testing.assert_allclose(after[exact], expected[exact] / n, rtol=1e-6)


def test_triplet_rule_shows_the_frequency_dependence_of_its_paper():
    _, panel = repeated_pairs(bench("stdp-triplet"), budget=0.25)
    before = panel.arrays["dw_before"]
    assert before[0] < 0 < before[-1]
    assert panel.arrays["dw_after"][-1] > 5 * abs(panel.arrays["dw_after"][0])


@pytest.mark.parametrize(
    ("name", "tau", "shape"),
    [
        ("rstdp-et", 25.0, "exponential"),
        ("dopamine-stdp", 1000.0, "exponential"),
        ("reinforce", -20.0 / np.log(0.9), "exponential"),
        ("rmax", 500.0, "exponential"),
        ("rstdp-alpha", 400.0, "alpha"),
    ],
)
def test_fitted_tau_is_the_declared_one(name, tau, shape):
    for panel in (eligibility_kernel(bench(name)), reward_delay(bench(name))):
        assert panel.numbers["shape"] == shape
        assert panel.numbers["declared tau (ms)"] == pytest.approx(tau)
        assert panel.numbers["fitted tau (ms)"] == pytest.approx(tau, rel=0.02)


def test_rule_without_memory_credits_its_own_window_only():
    dw = reward_delay(bench("rstdp")).arrays["dw"]
    assert dw[0] == pytest.approx(0.1 * np.exp(-0.5), rel=1e-6)
    assert not dw[1:].any()


def test_third_factor_comes_when_the_eligibility_peaks():
    assert best_delay(bench("rstdp-et")) == 0
    assert best_delay(bench("rstdp-alpha")) == pytest.approx(400, abs=80)


def test_decays_that_are_none_are_not_fitted():
    t = np.arange(50.0)
    assert fit_decay(t, np.zeros(50)).shape == "none"
    assert fit_decay(t, np.ones(50)).shape == "none"
    assert fit_decay(t, np.eye(50)[0]).shape == "none"
    assert fit_decay(t, np.cos(t / 3)).shape in ("none", "not exponential")
    assert fit_decay(t, -3 * np.exp(-t / 7)).tau_ms == pytest.approx(7.0)


def test_weight_dependence_tells_additive_from_multiplicative():
    additive = weight_dependence(bench("rstdp-et"))
    assert additive.numbers["kind"] == "additive"
    assert additive.arrays["dw_after"][-1] == 0  # at w_max
    assert weight_dependence(bench("homeostatic-scaling")).numbers["kind"] == (
        "depends on the weight"
    )


def test_score_rules_do_not_drift_and_stdp_does():
    assert abs(bias("reinforce")["z, constant 1"]) < 3
    assert abs(bias("reinforce")["z, random +-1"]) < 3
    assert bias("rstdp", a_plus=1.2)["z, constant 1"] > 10
    assert abs(bias("rstdp", a_plus=1.2)["z, random +-1"]) < 3


def test_z_score_of_constants():
    assert z_score(np.zeros(5)) == (0, 0, 0)
    assert z_score(np.full(5, 2.0))[2] == np.inf
    assert z_score(np.array([1.0, 3.0]))[2] == pytest.approx(2.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_reinforce_follows_the_enumerated_gradient(sign):
    numbers = gradient_alignment(bench("reinforce"), reward_sign=sign).numbers
    for reward in ("reward", CRITIC):
        assert sign * numbers[f"cosine, {reward}"] > 0.99
        assert sign * numbers[f"slope over learning rate, {reward}"] == pytest.approx(1, abs=0.1)
        assert 0 < numbers[f"standard error of the cosine, {reward}"] < 0.01


def test_rstdp_follows_the_gradient_with_a_critic_only():
    numbers = gradient_alignment(bench("rstdp")).numbers
    assert numbers["cosine, reward"] < 0.5
    assert numbers[f"cosine, {CRITIC}"] > 0.99


def test_node_perturbation_follows_finite_differences():
    panel = gradient_alignment(bench("node-perturbation"), budget=0.4)
    assert panel.numbers["gradient by"] == "finite differences"
    assert panel.numbers["cosine, reward"] > 0.7
    assert panel.arrays["gradient_error"].max() < 0.15 * np.abs(panel.arrays["gradient"]).max()


def test_gradient_of_the_enumeration_points_uphill():
    gradient = exact_gradient(WEIGHTS)
    rise = expected_reward(WEIGHTS + 1e-4 * gradient) - expected_reward(WEIGHTS)
    assert rise == pytest.approx(1e-4 * np.sum(gradient**2), rel=1e-2)


def test_gradient_says_why_it_does_not_apply():
    for name, word in (("stdp", "no third factor"), ("eprop", "deterministic"),
                       ("hedonistic", "release")):  # fmt: skip
        panel = gradient_alignment(bench(name))
        assert word in panel.reason
        assert not panel.arrays


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_a_card(name):
    card = rule_card(name, budget=0.005, panels=QUICK)
    assert tuple(card.panels) == QUICK
    for place, panel in card.panels.items():
        assert bool(panel.reason) != bool(panel.arrays)
        for key, values in panel.arrays.items():
            assert key == "fit" or np.isfinite(values).all(), (panel.title, key)
        shown = set() if panel.reason else set(HIGHLIGHTS[place])
        assert shown <= set(panel.numbers)
    assert card.panels["weight"].numbers["bounds hold"] == "yes"
    documented = [parameter["meaning"] for parameter in card.about["parameters"]]
    assert all(documented)
    assert card.report().startswith(f"{card.name}: ")
    assert len(card.report().splitlines()) == 1 + len(card.panels)


@pytest.mark.parametrize("name", ["dopamine-stdp", "reinforce-sign"])
def test_weights_of_the_live_network_stay_in_their_bounds(name):
    panel = rule_card(name, budget=0.02, panels=["stability"]).panels["stability"]
    assert panel.numbers["finite"] == "yes"
    assert panel.arrays["mean"].min() >= W_MIN
    assert panel.arrays["mean"].max() <= W_MAX
    assert panel.arrays["mean"][-1, 0] != panel.arrays["mean"][0, 0]
    assert np.all(np.diff(panel.arrays["time_s"]) > 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_full_cards(name, tmp_path):
    card = rule_card(name, tmp_path, budget=0.2)
    assert {file.suffix for file in card.files} == {".npz", ".json", ".png", ".pdf", ".html"}


class Sources(html.parser.HTMLParser):
    """Collects what a page would load."""

    found: list[str]

    def handle_starttag(self, tag, attrs):
        self.found = [*getattr(self, "found", []), *(v for k, v in attrs if k in ("src", "href"))]
        assert tag not in ("script", "link", "iframe")


def test_pages_are_self_contained_and_complete(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["run.py", "card", "rstdp", "--budget", "0.005"])
    cards = [rule_card(name, tmp_path, 0.005, panels=["window", "gradient"]) for name in PAIR]
    plot_comparison([tmp_path / name for name in PAIR], tmp_path / "comparison")
    for page in (*PAIR, "comparison"):
        text, reader = (tmp_path / f"{page}.html").read_text(), Sources()
        for word in ("http", "url(", "@import"):
            assert word not in text
        reader.feed(text)
        assert [source[:22] for source in reader.found] == ["data:image/png;base64,"]
    text = (tmp_path / "rstdp.html").read_text()
    for word in (
        "a_plus*pre_trace",
        "Florian 2007",
        "tau_minus_ms",
        "Gradient alignment",
        "python run.py card rstdp --budget 0.005",
    ):
        assert word in text
    assert {file.suffix for file in cards[0].files} == {".npz", ".json", ".png", ".pdf", ".html"}
    saved = json.loads((tmp_path / "rstdp.json").read_text())
    assert saved["panels"]["window"]["numbers"]["declared tau_plus (ms)"] == 20.0
    assert saved["about"]["parameters"][0]["name"] == "learning_rate"


@pytest.mark.slow
def test_several_rules_from_the_command_line(tmp_path, capsys):
    pages = make_cards(PAIR, tmp_path, budget=0.005, say=print)
    assert [page.name for page in pages] == ["rstdp.html", "reinforce.html", "comparison.html"]
    assert "cosine, reward" in capsys.readouterr().out


def test_a_card_draws_what_it_would_save(tmp_path):
    card = rule_card("rstdp", tmp_path, 0.005, panels=["window", "gradient"])
    (figure,) = card.figures().values()
    saved = draw_card(load_card(tmp_path / "rstdp"))
    drawn = [[list(line.get_ydata()) for axes in f.axes for line in axes.lines]
             for f in (figure, saved)]  # fmt: skip
    assert drawn[0] == drawn[1]


def test_a_rule_from_a_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import dataclass\nfrom threefactor import Rule\n\n"
        '@dataclass(frozen=True)\nclass Mine(Rule):\n    """Hebb."""\n'
        '    on_post = "w = clip(w + learning_rate, w_min, w_max)"\n'
    )
    card = rule_card(f"{path}:Mine", budget=0.005, panels=["window"])
    assert card.panels["window"].arrays["dw"][0] == pytest.approx(0.01, rel=1e-6)
    assert stem_of(card.name) == "mine-Mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "rsdtp"}, "Did you mean 'rstdp'"),
        ({"rule": "rstdp", "budget": 0.0}, "budget"),
        ({"rule": "rstdp", "panels": ["windows"]}, "unknown panel 'windows'"),
        ({"rule": "rstdp", "neuron": "lyf"}, "Did you mean 'lif'"),
    ],
)
def test_errors_name_the_mistake(options, message):
    with pytest.raises(ValueError, match=message):
        rule_card(**options)


def test_no_card_is_made_if_one_name_is_wrong(tmp_path):
    with pytest.raises(ValueError, match="rsdtp"):
        make_cards(["rstdp", "rsdtp"], tmp_path)
    assert not list(tmp_path.iterdir())
