"""What a decision costs: closed forms, and counts by loops over every timestep and synapse."""

import json

import numpy as np
import pytest

from threefactor.analysis.operations import (
    Links,
    Operations,
    count_operations,
    measure_operations,
    needed_populations,
)
from threefactor.analysis.run_data import EventKind, Run
from threefactor.experiments.configuration import resolve
from threefactor.experiments.layers import configure
from threefactor.experiments.training.run import train_agent

SMALL = {
    "env": "GridWorld-v0", "env_kwargs": {"size": 3}, "max_episode_steps": 6, "episodes": 6,
    "window_ms": 10.0, "reference_episodes": 0, "record_episodes": 2, "weight_snapshots": 2,
    "model": {"name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4},
    "engine": "runtime-numpy", "replicas": 2, "probes": 2,
}  # fmt: skip


def counted(links, spikes, graded=(), **options):
    """Return the counts of two decisions of 10 timesteps."""
    sizes = {"input": 3, "hidden": 2, "output": 1}
    spikes = {name: np.array(each) for name, each in spikes.items()}
    graded = {name: np.array(each) for name, each in dict(graded).items()}
    return count_operations(links, sizes, "input", spikes, graded, 2, 10.0, 1.0, **options)


DOWN = Links("input", "hidden", False, np.repeat([0, 1, 2], 2), np.array([1, 2, 0, 3, 0, 0.0]))
UP = Links("hidden", "output", False, np.array([0, 1]), np.array([-1.0, 0.5]))


def test_counts_of_a_tiny_network():
    found = counted([DOWN, UP], {"input": [4, 6, 8], "hidden": [3, 1], "output": [0]})
    assert found.spikes == {"input": 9.0, "hidden": 2.0, "output": 0.0}
    assert found.accumulates == (4 * 2 + 6 * 1 + 8 * 0 + 3 + 1) / 2
    assert found.multiply_accumulates == 0.0
    assert found.dense == 10 * 8
    assert found.activation_sparsity == 1 - 4 / (3 * 10 * 2)
    assert found.connection_sparsity == 3 / 8
    assert (found.weights, found.weight_bits, found.parameter_bytes) == (8, 64, 64)
    assert found.execution_rate_hz == 100.0


def test_numbers_are_multiplied_and_spikes_are_not():
    told = Links("input", "hidden", True, DOWN.pre, DOWN.weights)
    found = counted([told, UP], {"hidden": [3, 1]}, {"input": [20, 10, 20]})
    assert found.multiply_accumulates == (20 * 2 + 10 * 1) / 2
    assert found.accumulates == (3 + 1) / 2
    assert found.operations == 27.0
    assert found.activation_sparsity == 1 - 4 / (2 * 10 * 2)


def test_where_only_the_input_sends_there_is_no_sparsity():
    found = counted([UP], {"input": [1, 1, 1]}, {"hidden": [0, 0]})
    assert found.activation_sparsity == 1.0
    direct = Links("input", "output", False, np.arange(3), np.ones(3))
    found = counted([direct], {"input": [1, 1, 1]})
    assert found.activation_sparsity is None
    assert "nothing but the input sends" in found.facts()["sparsity"]


@pytest.mark.parametrize(("bits", "size"), [(8, 8 + 2), (6, 6 + 2), (4, 4 + 2), (3, 3 + 2)])
def test_bytes_of_quantised_weights(bits, size):
    """Bits of all weights together, a byte for the step of each projection, 8 for each number."""
    found = counted([DOWN, UP], {"input": [0] * 3, "hidden": [0] * 2}, weight_bits=bits)
    assert found.parameter_bytes == size
    more = counted(
        [DOWN, UP], {"input": [0] * 3, "hidden": [0] * 2}, weight_bits=bits, own_parameters=5
    )
    assert more.parameter_bytes == size + 40
    assert more.weight_bits == bits


def test_an_independent_count_agrees():
    """A loop over decisions, timesteps and synapses, with recurrent links, agrees."""
    generator = np.random.default_rng(3)
    sizes = {"input": 5, "hidden": 7, "output": 3}
    decisions, steps = 4, 6
    rasters = {n: generator.random((decisions, steps, size)) < 0.3 for n, size in sizes.items()}
    links, sent, graded = [], {False: 0, True: 0}, {"hidden"}
    for source, target in [("input", "hidden"), ("hidden", "hidden"), ("hidden", "output")]:
        n = 2 * sizes[source]  # any pairs, some of them twice
        pre = generator.integers(sizes[source], size=n)
        weights = generator.normal(size=n) * (generator.random(n) < 0.6)
        links.append(Links(source, target, source in graded, pre, weights))
        for decision in range(decisions):
            for step in range(steps):
                for synapse in range(n):
                    if rasters[source][decision, step, pre[synapse]] and weights[synapse] != 0:
                        sent[source in graded] += 1
    totals = {name: raster.sum(axis=(0, 1)) for name, raster in rasters.items()}
    found = count_operations(
        links, sizes, "input", {name: totals[name] for name in ("input", "output")},
        {"hidden": totals["hidden"]}, decisions, 6.0, 1.0,
    )  # fmt: skip
    assert min(sent.values()) > 0
    assert found.accumulates == pytest.approx(sent[False] / decisions)
    assert found.multiply_accumulates == pytest.approx(sent[True] / decisions)
    behind = np.concatenate([rasters["hidden"], rasters["output"]], axis=2)
    assert found.activation_sparsity == pytest.approx(np.mean(~behind))


def test_what_leads_to_the_output_is_needed():
    ends = [("a", "b"), ("b", "out"), ("out", "b"), ("a", "critic"), ("out", "critic")]
    links = {f"{s}-{t}": {"source": s, "target": t} for s, t in ends}
    assert needed_populations(links, "out") == {"a", "b", "out"}
    assert needed_populations(links, "critic") == {"a", "b", "out", "critic"}


def by_hand(run, names, steps):
    """Return spikes, accumulates and decisions of the later episodes, decision by decision."""
    events, total = run.events, 0
    later = events.select(EventKind.EPISODE_START, 0).time_ms[2]
    ends = [end for end in events.select(EventKind.DECISION, 0).time_ms if end > later]
    counts = dict.fromkeys(names, 0)
    for end in ends:
        for name in names:
            train, history = run.spikes(name), None
            inside = (train.time_ms >= end - steps - 1e-6) & (train.time_ms < end - 1e-6)
            counts[name] += int(inside.sum())
            if name != "actor":
                history = run.weights("policy")
                for neuron in train.neuron[inside]:
                    total += np.count_nonzero(history.values[-1][history.pre == neuron])
    return {name: n / len(ends) for name, n in counts.items()}, total / len(ends), len(ends)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_agent(resolve(SMALL), tmp_path_factory.mktemp("grid") / "run")


def test_a_run_is_counted_without_its_critic(trained):
    found = trained.operations
    assert found == measure_operations(Run(trained.path))
    spikes, accumulates, decisions = by_hand(trained.run, ["input", "actor"], 10)
    assert found.decisions == decisions > 0
    assert found.spikes == pytest.approx(spikes)
    assert found.accumulates == pytest.approx(accumulates)
    assert found.accumulates > 0
    assert found.dense == 10 * found.weights == 10 * 9 * 12
    assert set(trained.populations) == {"input", "actor", "critic"}
    assert trained.report().count("operations per decision") == 1
    assert json.loads((trained.path / "summary.json").read_text())["operations"] == found.to_dict()


def test_counts_survive_json(trained):
    found = trained.operations
    assert Operations.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert found.lines()[0] == f"cost (mean of {found.decisions} decisions):"
    assert all(text in "\n".join(found.lines()) for text in found.facts().values())


@pytest.mark.parametrize("lacks", [{"record_episodes": 0}, {"weight_snapshots": 0}])
def test_without_recordings_nothing_is_counted(lacks, tmp_path):
    result = train_agent(resolve(SMALL, lacks, {"replicas": 1, "episodes": 1}), tmp_path / "run")
    assert result.operations is None
    assert "cost (" not in result.report()


@pytest.mark.parametrize("neuron", ["lif-soft-reset", "relu"])
def test_numbers_that_a_run_was_told_are_counted(neuron, tmp_path):
    """The two-neuron coding tells one of two inputs 0; rectifiers send nothing below 0."""
    pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
    agent = {"name": "dqn", "hidden": (6, 5), "coding": "two-neurons", "has_constant": True}
    settings = {
        "env": "CartPole-v1", "episodes": 2, "max_episode_steps": 9, "agent": agent,
        "engine": "runtime-numpy", "reference_episodes": 0, "neuron": neuron,
        "record_episodes": 2, "weight_snapshots": 1, "window_ms": 8.0,
    }  # fmt: skip
    result = train_agent(configure(settings), tmp_path / "run")
    found, run, steps = result.operations, result.run, 8
    told = run.graded("input").active
    assert set(np.unique(told)) == {0, steps}
    assert (told[:, -1] == steps).all()
    assert (told[:, :-1].sum(axis=1) == 4 * steps).all()
    later = run.events.select(EventKind.EPISODE_START, 0).time_ms[1]
    counted = run.graded("input").time_ms >= later - 1e-6
    assert found.decisions == np.count_nonzero(counted)
    told_to_first = 5 * steps * 6
    if neuron == "relu":
        assert run.populations == {}
        assert set(run.graded_populations) == {"input", "layer1", "layer2"}
        assert found.accumulates == 0.0
        sent = {name: run.graded(name).active[counted] for name in ("layer1", "layer2")}
        assert sent["layer1"].max() == steps > sent["layer2"].max()  # a layer takes a timestep
        fan_out = {"layer1": 5, "layer2": 2}
        mean = sum(rows.sum(axis=1).mean() * fan_out[n] for n, rows in sent.items())
        assert found.multiply_accumulates == pytest.approx(told_to_first + mean)
        behind = np.concatenate(list(sent.values()), axis=1)
        assert found.activation_sparsity == pytest.approx(1 - behind.mean() / steps)
    else:
        assert found.multiply_accumulates == told_to_first
        assert set(run.graded_populations) == {"input"}
