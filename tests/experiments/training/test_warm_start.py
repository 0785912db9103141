"""Agents that begin with what others have learned."""

import numpy as np
import pytest

import threefactor
from threefactor.experiments.training.checkpoint import load_checkpoint
from threefactor.experiments.training.warm_start import WARM_START, learned_weights

SMALL = {
    "env": "Identity-v0", "preset": "none", "max_episode_steps": 10,
    "window_ms": 10.0, "episodes": 4, "encoder": "one-hot", "modulator": "reward",
    "model": {"name": "feed-forward", "neurons_per_action": 3}, "decoder": "argmax",
    "rule": {"name": "reinforce", "learning_rate": 2.0}, "reference_episodes": 0,
    "record_episodes": 0, "weight_snapshots": 2, "probes": 0,
}  # fmt: skip


def train(out, **settings):
    return threefactor.train(SMALL, out=out, quiet=True, say=lambda text: None, **settings)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    return train(tmp_path_factory.mktemp("learned") / "run", replicas=3, seed=5).path


def first_weights(path, projection="policy"):
    """Return the weights before the first decision, of replica 0."""
    return threefactor.load_run(path).weights(projection).values[0]


def last_weights(path, replica=0):
    state = load_checkpoint(path)
    weights = state["agent"]["network"]["arrays"]["policy.w"]
    return np.reshape(weights, (len(state["tally"]["done"]), -1))[replica]


def test_each_seed_begins_with_its_own(learned, tmp_path):
    for seed in (5, 7):
        run = train(tmp_path / str(seed), seed=seed, weights_from=str(learned), rule="rstdp-et")
        assert np.array_equal(first_weights(run.path), last_weights(learned, seed - 5))
    drawn = train(tmp_path / "drawn", seed=5)
    assert not np.array_equal(first_weights(drawn.path), last_weights(learned))


def test_all_begin_with_those_of_a_single_replica_and_workers_as_one_process(learned, tmp_path):
    single = train(tmp_path / "single", seed=40)
    settings = {"weights_from": str(single.path), "seed": 3, "replicas": 2}
    one = train(tmp_path / "one", **settings)
    assert np.array_equal(
        learned_weights(single.path, [3, 4])["policy"], [last_weights(single.path)] * 2
    )
    two = train(tmp_path / "two", workers=2, **settings)
    assert (one.path / "episodes.csv").read_text() == (two.path / "episodes.csv").read_text()
    apart = train(tmp_path / "apart", apart=True, **settings)
    assert (one.path / "episodes.csv").read_text() == (apart.path / "episodes.csv").read_text()
    again = learned_weights(two.path, [3, 4])  # of workers
    assert np.array_equal(again["policy"], [last_weights(one.path, r) for r in range(2)])
    assert np.array_equal(learned_weights(apart.path, [4])["policy"][0], again["policy"][1])


def test_a_resumed_run_and_its_twin_know_what_it_began_with(learned, tmp_path):
    single = train(tmp_path / "single", seed=40)
    run = train(tmp_path / "run", weights_from=str(single.path), seed=1)
    kept = np.load(run.path / WARM_START)["policy"]
    assert np.array_equal(kept[0], last_weights(single.path))
    for file in single.path.rglob("*"):  # nobody needs the other run any more
        if file.is_file():
            file.unlink()
    threefactor.resume(run.path, 6, quiet=True, say=lambda text: None)
    threefactor.evaluate(run.path, 1)


def test_the_untrained_twin_begins_with_the_same_weights(learned, tmp_path):
    frozen = train(tmp_path / "run", weights_from=str(learned), seed=5, control="frozen")
    assert np.array_equal(last_weights(frozen.path), last_weights(learned))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 2}, "expected the seeds of this run, or a single replica, got seeds 5 to 7"),
        ({"seed": 5, "model.neurons_per_action": 4}, "expected .* synapses of policy, got"),
        ({"seed": 5, "weights_from": "absent"}, "absent: no such run directory"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    learned, tmp_path, settings, message
):
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "run", **{"weights_from": str(learned), **settings})
    assert not (tmp_path / "run").exists()
