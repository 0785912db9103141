"""The commands from Python: the same runs, results with reports, arrays and figures."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

import run
import threefactor
from threefactor.experiments.layers import configure

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 10, "episodes": 4,
    "window_ms": 10.0, "record_episodes": 1, "weight_snapshots": 3, "probes": 2, "replicas": 2,
    "reference_episodes": 0, "model": {"name": "feed-forward", "neurons_per_action": 3},
    "modulator": "reward",
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One finished run that no test changes."""
    return threefactor.train(SMALL, out=tmp_path_factory.mktemp("trained") / "run", quiet=True)


def test_nothing_is_printed(trained, tmp_path, capfd):
    again = threefactor.train(SMALL, out=str(tmp_path / "run"), quiet=True)
    assert again.figures()
    threefactor.resume(str(again.path), 5, quiet=True)
    threefactor.evaluate(again, episodes=2)
    threefactor.check("rstdp", engine=["runtime-numpy"])
    assert capfd.readouterr() == ("", "")


def test_the_command_line_prints_the_report(trained, capsys, monkeypatch):
    monkeypatch.chdir(trained.path.parent)
    assert run.main(["evaluate", str(trained.path), "--episodes", "3"]) == 0
    assert capsys.readouterr().out == threefactor.evaluate(trained, 3).report() + "\n"


def test_the_same_words_give_the_same_run(tmp_path, capsys):
    words = (
        "--env Identity-v0 --rule rstdp --rule.learning-rate 0.5 --episodes 2 "
        "--max-episode-steps 5 --reference-episodes 0"
    )
    typed = tmp_path / "typed"
    assert run.main(["train", *words.split(), "--quiet", "--no-figures", "--out", str(typed)]) == 0
    called = threefactor.train(
        env="Identity-v0", rule="rstdp", episodes=2, max_episode_steps=5, reference_episodes=0,
        quiet=True, out=tmp_path / "called", **{"rule.learning_rate": 0.5},
    )  # fmt: skip
    for name in ("config.yaml", "episodes.csv"):
        assert (typed / name).read_bytes() == (called.path / name).read_bytes()
    assert threefactor.load_run(str(typed)).report() in capsys.readouterr().out


def test_arrays_of_a_run(trained):
    assert trained.returns.shape == trained.lengths.shape == (2, 4)
    assert trained.lengths.max() <= 10
    means = trained.summary["mean_return_last_100_by_replica"]
    np.testing.assert_allclose(trained.returns.mean(axis=1), means)
    assert set(trained.populations) == {"input", "actor"}
    assert trained.projections == ("policy",)
    history = trained.weights("policy")
    assert history.values.shape == (len(history.episode), history.pre.size)
    spikes = trained.spikes("input")
    assert spikes.time_ms.size == spikes.neuron.size > 0
    assert trained.probes.values.shape == (trained.probes.time_ms.size, len(trained.probes.names))
    assert trained.events.kind.size
    with pytest.raises(ValueError, match="expected a recorded projection"):
        trained.weights("polcy")


def test_a_run_on_disk_is_what_training_returned(trained):
    loaded = threefactor.load_run(trained.path)
    assert loaded == trained
    np.testing.assert_array_equal(loaded.returns, trained.returns)
    assert loaded.report() == trained.report()
    assert configure(loaded.config) == configure(SMALL)
    with pytest.raises(ValueError, match="got no such directory"):
        threefactor.load_run(trained.path / "nowhere")


def test_a_run_that_was_killed_says_so(trained, tmp_path):
    killed = tmp_path / "run"
    killed.mkdir()
    for name in ("meta.json", "episodes.csv"):
        (killed / name).write_bytes((trained.path / name).read_bytes())
    with (killed / "episodes.csv").open("a") as file:
        file.write("0,5,1.0,1.0,3,1,0,0.1\n")
    loaded = threefactor.load_run(killed)
    assert loaded.is_interrupted
    assert loaded.report().startswith("Not ended: 9 episodes so far.")
    assert loaded.returns.shape == (2, 5)
    assert np.isnan(loaded.returns).tolist() == [[False] * 5, [False] * 4 + [True]]


def test_figures_are_matplotlib_figures(trained):
    evaluation = threefactor.evaluate(trained.path, 3)
    for result in (trained, evaluation):
        before = set(trained.path.rglob("*"))
        figures = result.figures()
        assert figures
        assert all(isinstance(f, Figure) and f.axes for f in figures.values())
        assert set(trained.path.rglob("*")) == before
    assert {"learning", "raster", "weights-policy"} <= set(trained.figures())


def test_evaluation_is_kept_as_numbers(trained):
    result = threefactor.evaluate(trained, 3)
    assert json.loads((trained.path / "evaluation.json").read_text()) == result.to_dict()
    assert result.over_seeds.values == pytest.approx(result.returns.mean(axis=1))


def test_progress_and_notices_go_to_one_callable(tmp_path, capfd):
    lines = []
    threefactor.train(SMALL, out=tmp_path / "run", say=lines.append)
    assert [line.partition(":")[0] for line in lines] == [f"episode {n}/8" for n in range(1, 9)]
    assert capfd.readouterr() == ("", "")


class Stopper(threefactor.Observer):
    """Stops after the third episode."""

    def __init__(self):
        self.seen = []

    def finished(self, loop, episode):
        self.seen.append(episode.length)
        if len(self.seen) == 3:
            loop.stop("enough")


def test_an_observer_watches_and_stops_and_resume_goes_on(tmp_path, trained):
    stopper, lines = Stopper(), []
    part = threefactor.train(
        SMALL, out=tmp_path / "run", quiet=True, observers=[stopper], say=lines.append
    )
    assert part.is_interrupted
    assert "To go on: threefactor train --resume" in part.report()
    assert lines == ["enough: keeping what was done"]
    whole = threefactor.resume(part.path, quiet=True)
    assert not whole.is_interrupted
    np.testing.assert_array_equal(whole.returns, trained.returns)


def test_a_rule_of_a_class_is_checked_and_measured():
    report = threefactor.check(threefactor.RULES["rstdp"], engine=["runtime-numpy"])
    assert report.is_passed
    card = threefactor.card(threefactor.RULES["rstdp"], budget=0.002)
    assert card.panels["window"].arrays["dw"].size
    assert list(card.figures()) == ["card"]


def test_unknown_names_are_refused_with_the_closest():
    with pytest.raises(ValueError, match="Did you mean 'rstdp'"):
        threefactor.check("rsdtp")
    with pytest.raises(ValueError, match="Did you mean 'rstdp'"):
        threefactor.card("rsdtp")
    with pytest.raises(ValueError, match="Did you mean 'gridworld_reinforce'"):
        threefactor.reproduce("gridworld_reinforc")
    with pytest.raises(ValueError, match="no such run directory"):
        threefactor.resume("nowhere")
