"""Parts of the gallery: the paper's neuron, tasks, pair detection, resuming. The claims themselves
are put to the test, like those of every named experiment, in test_learning.py."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from threefactor.experiments.claims import experiment
from threefactor.experiments.claims.arms import (
    load_arm,
    obtain_each_seed,
    obtain_scores,
    pair_rows,
    save_arm,
)
from threefactor.experiments.claims.experiment import ArmRequest, ArmResult, share_above
from threefactor.experiments.gallery import izhikevich_distal_reward as distal
from threefactor.experiments.gallery import izhikevich_pavlovian as pavlovian
from threefactor.experiments.gallery.florian_rate_xor import FlorianLIF
from threefactor.experiments.gallery.izhikevich_network import (
    N_EXCITATORY,
    N_NEURONS,
    fixed_out_degree,
    fixed_probability,
    network_spec,
)
from threefactor.experiments.gallery.rate_xor import (
    is_solved,
    margin_hz,
    order_generators,
    pattern_rates,
    random_reward,
    show_epochs,
    target_reward,
    xor_network_spec,
)
from threefactor.models.neurons.checks import check_neuron
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection
from threefactor.rules.dopamine_stdp import DopamineSTDP
from threefactor.rules.rstdp import RewardModulatedSTDP
from threefactor.rules.streams import named_generator


@pytest.fixture
def make_request(tmp_path):
    def make(arm="reward", seeds=(0, 1), budget=0.001):
        return ArmRequest(arm, tmp_path / arm, seeds, budget, "auto", lambda text: None)

    return make


def test_florian_neuron_keeps_the_promises_of_neurons():
    check_neuron(FlorianLIF())


def test_florian_neuron_follows_equation_4_1(open_network):
    spec = NetworkSpec(
        (Population("input", 1, PoissonInput()), Population("actor", 1, FlorianLIF())),
        (Projection("policy", "input", "actor", np.array([0]), np.array([0]), np.array([5.0])),),
    )
    network, decay = open_network(spec), np.exp(-1 / 20)
    membrane, previous, spikes = -70.0, 0.0, 0
    for step in range(60):
        arrives = float(step % 7 != 3)
        counts = network.advance(np.full((1, 1), 1000.0 * arrives), 1)
        membrane = -70.0 + (membrane + 70.0) * decay + 5.0 * previous
        fired = membrane >= -54.0
        assert counts[0, 0] == fired
        membrane, previous, spikes = -70.0 if fired else membrane, arrives, spikes + fired
        assert network.replicated("actor.v")[0, 0] * 1e3 == pytest.approx(membrane, abs=1e-9)
    assert spikes > 5


def test_xor_weights_obey_dale_and_inputs_code_the_pattern(open_network):
    spec = xor_network_spec(RewardModulatedSTDP(), FlorianLIF())
    network = open_network(spec, seeds=(3,))
    excitation, inhibition = (network.replicated(f"{n}.w") for n in ("excitation", "inhibition"))
    assert 0 <= excitation.min() < 0.1 < 4.9 < excitation.max() <= 5
    assert -5 <= inhibition.min() < -4.9 < -0.1 < inhibition.max() <= 0
    by_bit = {p.name: np.bincount(p.pre, minlength=60) > 0 for p in spec.projections[:2]}
    assert np.array_equal(by_bit["excitation"], ~by_bit["inhibition"])
    assert by_bit["excitation"].reshape(2, 30).sum(axis=1).tolist() == [15, 15]
    assert pattern_rates().reshape(4, 2, 30).mean(axis=2).tolist() == [
        [0, 0], [0, 40], [40, 0], [40, 40],
    ]  # fmt: skip


def test_one_step_decisions_reward_each_output_spike_at_once():
    """A pattern shown step by step delivers, for each output spike, the sign that it calls for."""
    script, delivered, closed = np.zeros((500, 2)), [], []
    script[[3, 8], 0], script[8, 1] = 1, 1

    def advance(rates, steps):
        assert (steps, rates.shape) == (1, (2, 60))
        return script[len(closed) % 500][:, None]

    network = SimpleNamespace(
        replicas=2, advance=advance, close_decision=lambda: closed.append(1),
        consolidate=lambda factor: delivered.append((len(closed) - 1, factor.tolist())),
    )  # fmt: skip
    orders = [SimpleNamespace(permutation=lambda n, k=k: np.roll(np.arange(n), k)) for k in (0, 3)]
    rates = show_epochs(network, 1, orders, target_reward)
    assert rates[0].tolist() == [[4.0] * 4, [2.0] * 4]
    assert len(closed) == 2000
    # Patterns 00 and 01 come first.
    assert delivered[:2] == [(3, [-1.0, 0.0]), (8, [-1.0, 1.0])]
    assert delivered[2:4] == [(503, [1.0, 0.0]), (508, [1.0, 1.0])]


def test_gate_and_margin_judge_rates():
    rates = np.array([[0.0, 50.0, 40.0, 30.0], [0.0, 50.0, 30.0, 30.0], [45.0, 50.0, 40.0, 0.0]])
    assert is_solved(rates).tolist() == [True, False, True]
    assert margin_hz(rates).tolist() == [10.0, 0.0, -5.0]


def test_random_reward_has_one_sign_a_presentation_and_no_preference():
    reward, shown = random_reward((0, 1)), np.array([1, 1])
    signs = np.array([reward(shown) for _ in range(400)])
    assert np.all(np.abs(signs) == 1)
    assert np.all(np.abs(signs.mean(axis=0)) < 0.2)
    assert abs(np.mean(signs[:, 0] * signs[:, 1])) < 0.2
    alone = random_reward((1,))
    assert np.array_equal([alone(shown[:1])[0] for _ in range(400)], signs[:, 1])


def test_training_and_test_show_different_orders():
    first, second = (order_generators((5,), f"{kind} order") for kind in ("training", "test"))
    assert [first[0].permutation(4).tolist() for _ in range(5)] != [
        second[0].permutation(4).tolist() for _ in range(5)
    ]


def test_graphs_have_the_published_degrees():
    pre, post = fixed_out_degree(np.random.default_rng(0))
    assert np.bincount(pre).tolist() == [100] * N_NEURONS
    assert post[pre >= N_EXCITATORY].max() < N_EXCITATORY <= post[pre < N_EXCITATORY].max()
    pre, post = fixed_probability(np.random.default_rng(0))
    assert pre.size == pytest.approx(0.1 * N_NEURONS**2, rel=0.02)
    spec = network_spec((pre, post), DopamineSTDP())
    assert sum(p.n_synapses for p in spec.projections) == pre.size
    assert {p.name for p in spec.projections if p.rule} == {"ee", "ei"}


def test_pairs_are_n2_after_n1_within_20_ms():
    ee = SimpleNamespace(pre=np.array([4]), post=np.array([9]))
    spikes = {  # step, neuron; the second replica's neurons follow the first's
        1: [4], 20: [9], 21: [9], 30: [4, 9], 45: [9], 60: [9], 61: [N_EXCITATORY + 9],
        70: [4], 71: [9],
    }  # fmt: skip
    recorded = {
        "excitatory.step": np.array([s for s, neurons in spikes.items() for _ in neurons]),
        "excitatory.neuron": np.array([n for neurons in spikes.values() for n in neurons]),
    }
    network = SimpleNamespace(
        spec=SimpleNamespace(projections=(ee,)), engine=SimpleNamespace(drain=lambda: recorded)
    )
    progress = distal.Progress([], last_n1=[-20, -20])
    found = distal._pairs(network, progress, np.array([0, 0]))
    assert found == [(20, 0), (45, 0), (71, 0)]
    assert progress.last_n1 == [70, -20]


def test_interrupted_network_continues_as_if_it_had_not_stopped(make_request, monkeypatch):
    monkeypatch.setattr(distal, "SAVE_EVERY_S", 2)
    whole = obtain_scores(distal.run_arm, make_request())
    expected = load_arm(make_request().folder.parent, "reward")
    shutil.rmtree(make_request().folder)
    folder, seconds = make_request().alone(0).folder, []

    def run_second(*arguments):
        if len(seconds) == 3:
            raise KeyboardInterrupt
        seconds.append(1)
        original(*arguments)

    original = distal._run_second
    monkeypatch.setattr(distal, "_run_second", run_second)
    with pytest.raises(KeyboardInterrupt):
        obtain_scores(distal.run_arm, make_request())
    monkeypatch.setattr(distal, "_run_second", original)
    assert (folder / "progress.npz").exists()
    assert np.array_equal(obtain_scores(distal.run_arm, make_request()), whole)
    resumed = load_arm(make_request().folder.parent, "reward")
    for name, values in expected.items():
        assert np.array_equal(resumed[name], values), name
    assert not (folder / "progress.npz").exists()


def test_yoked_control_gets_the_rewards_of_the_next_seed(make_request):
    earned = np.array([[0, 5.0], [1, 7.0], [1, 9.0]])
    save_arm(make_request(), ArmResult(np.zeros(2), {"rewards_s": earned}))
    yoked = distal.yoked_rewards(make_request(distal.YOKED))
    assert {seed: times.tolist() for seed, times in yoked.items()} == {0: [7.0, 9.0], 1: [5.0]}
    assert sorted(distal._start((0,), yoked).due) == [(7000, 0), (9000, 0)]
    assert distal._start((0,), {}).due == []
    with pytest.raises(ValueError, match="2 seeds or more"):
        distal.yoked_rewards(make_request(distal.YOKED, seeds=(0,)))


def test_every_seed_draws_a_graph_of_its_own(make_request):
    obtain_scores(distal.run_arm, make_request())
    folders = [make_request().alone(seed).folder for seed in (0, 1)]
    found = [np.load(folder / "result.npz")["weights"] for folder in folders]
    assert found[0].shape == found[1].shape
    graphs = [fixed_out_degree(named_generator(seed, "graph"))[1] for seed in (0, 1)]
    assert not np.array_equal(*graphs)


def test_finished_arms_are_kept_and_never_mixed(make_request):
    runs = []

    def run_arm(request):
        runs.append(request)
        return ArmResult(np.array([1.0, 2.0]) + len(runs), {"rates_hz": np.arange(3)})

    for _ in range(2):
        assert obtain_scores(run_arm, make_request()).tolist() == [2.0, 3.0]
    assert len(runs) == 1
    assert load_arm(make_request().folder.parent, "reward")["rates_hz"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="another --out"):
        obtain_scores(run_arm, make_request(budget=1.0))
    with pytest.raises(ValueError, match="another --out"):
        obtain_scores(run_arm, make_request(seeds=(0,)))
    assert len(runs) == 1


def test_seeds_that_finished_alone_are_kept_when_their_arm_is_interrupted(make_request):
    runs = []

    def run_seed(request):
        runs.append(request.seeds)
        if len(runs) == 2:
            raise KeyboardInterrupt
        return ArmResult(np.array([float(request.seeds[0])]), {"rewards_s": np.ones((1, 2))})

    with pytest.raises(KeyboardInterrupt):
        obtain_each_seed(run_seed, make_request())
    seeds = obtain_each_seed(run_seed, make_request())
    assert runs == [(0,), (1,), (1,)]
    assert [seed["scores"].tolist() for seed in seeds] == [[0.0], [1.0]]
    assert pair_rows(seeds, "rewards_s").tolist() == [[0.0, 1.0], [1.0, 1.0]]


def test_an_arm_that_keeps_its_data_itself_is_asked_again(make_request):
    scores = iter([np.zeros(2), np.ones(2)])
    results = [
        obtain_scores(lambda _: ArmResult(next(scores), arrays=None), make_request())
        for _ in range(2)
    ]
    assert np.array(results).tolist() == [[0, 0], [1, 1]]
    assert not make_request().folder.exists()


def test_a_test_has_noise_that_training_never_saw(make_request, monkeypatch):
    opened = []
    monkeypatch.setattr(experiment, "Network", lambda *arguments: opened.append(arguments))
    make_request().open_network("spec")
    make_request().open_test("spec")
    assert [(noise, draws, is_learning) for _, noise, draws, _, is_learning, _ in opened] == [
        ((0, 1), (0, 1), True), ([10_000, 10_001], (0, 1), False),
    ]  # fmt: skip


def test_pavlovian_growth_compares_the_end_with_the_start():
    rows = [(0, t, s, 10.0 if t < 60 else 50.0 if s == 0 else 12.0)
            for t in range(120) for s in (0, 1)]  # fmt: skip
    arrays = {"responses": np.array(rows), "duration_s": np.array(120), "seeds": np.array([4])}
    assert pavlovian.growth(arrays, is_rewarded_stimulus=True).tolist() == [5.0]
    assert pavlovian.growth(arrays, is_rewarded_stimulus=False).tolist() == [1.2]


def test_every_pavlovian_arm_meets_the_same_stimuli():
    shown = {}
    for arm in (pavlovian.REWARD, pavlovian.RANDOM, pavlovian.OFF):
        progress = pavlovian._start((0, 1))
        sets = pavlovian.stimulus_sets((0, 1))
        currents = {f"{n}.current": np.zeros((2, size))
                    for n, size in (("excitatory", 800), ("inhibitory", 200))}  # fmt: skip
        network = SimpleNamespace(replicated=currents.__getitem__)
        for _ in range(50):
            step, kind, replica, value = progress.agenda.pop(0)
            if kind == pavlovian.STIMULUS:
                pavlovian._stimulate(network, progress, sets, (step, replica, int(value[0])), arm)
                shown.setdefault(arm, []).append((step, replica, int(value[0])))
            progress.agenda.sort()
    orders = list(shown.values())
    count = min(map(len, orders))
    assert orders[0][:count] == orders[1][:count] == orders[2][:count]


def test_shares_are_strict_and_bounded():
    scores = {"a": np.array([0.0, 1.0, 1.0, 1.0])}
    assert share_above("a", 0.0, 0.75).holds(scores)
    assert not share_above("a", 0.0, 0.8).holds(scores)
    assert share_above("a", 0.0, 0.0, 0.75).holds(scores)
    assert not share_above("a", 0.0, 0.0, 0.5).holds(scores)
