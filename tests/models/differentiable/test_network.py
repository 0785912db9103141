"""The module around a specification: states, arrays, refusals."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from tests.models.differentiable.networks import chain_spec, layered_spec, observations
from threefactor.models.neurons import make_neuron
from threefactor.rules import RULES

torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
from threefactor.models.differentiable import DifferentiableNetwork, State  # noqa: E402

BATCH, STEPS = 3, 4


def network_of(spec=None, **options):
    return DifferentiableNetwork(spec or layered_spec(), 2, **options)


def told_to(spec, windows=6):
    return torch.tensor(observations(spec, windows, BATCH), dtype=torch.float32)


def test_windows_in_one_call_are_windows_one_by_one():
    spec = chain_spec()
    network, told, state = network_of(spec), told_to(spec), None
    network.seed_noise(range(BATCH))
    together, last = network(told, STEPS)
    assert together.shape == (6, BATCH, 3)
    for window, expected in zip(told, together, strict=True):
        output, state = network(window, STEPS, state)
        np.testing.assert_array_equal(output.detach(), expected.detach())
    assert state.timestep == last.timestep == 6 * STEPS
    assert state.values.keys() == last.values.keys()
    for name, value in last.values.items():
        assert value.shape == (BATCH, spec.population(name.split(".")[0]).size)
        np.testing.assert_array_equal(state.values[name].detach(), value.detach(), name)


def test_state_matters_and_populations_that_reset_at_decisions_forget_it():
    spec = layered_spec()
    told = told_to(spec)
    _, state = network_of(spec)(told, STEPS)
    fresh, _ = network_of(spec)(told[0], STEPS)
    assert not torch.equal(network_of(spec)(told[0], STEPS, state)[0], fresh)
    forgetful = replace(
        spec, populations=tuple(replace(p, resets="decision") for p in spec.populations)
    )
    again, _ = network_of(forgetful)(told[0], STEPS, state)
    np.testing.assert_array_equal(again.detach(), fresh.detach())
    separate = torch.stack([network_of(spec)(window, STEPS)[0] for window in told])
    np.testing.assert_array_equal(network_of(forgetful)(told, STEPS)[0].detach(), separate.detach())


def test_gradients_go_back_through_a_state_until_it_is_detached():
    spec = layered_spec()
    network, told = network_of(spec), told_to(spec).requires_grad_()
    _, state = network(told[0], STEPS)
    network(told[1], STEPS, state)[0].sum().backward()
    assert told.grad[0].abs().max() > 0
    told.grad = None
    _, state = network(told[0], STEPS)
    network(told[1], STEPS, state.detach())[0].sum().backward()
    assert not told.grad[0].any()


def test_rows_of_states():
    network = network_of()
    _, state = network(told_to(network.spec), STEPS)
    start = network.initial_state(BATCH)
    mixed = start.where(torch.tensor([True, False, False]), state)
    assert isinstance(mixed, State)
    for name, value in mixed.values.items():
        np.testing.assert_array_equal(value[0].detach(), start.values[name][0])
        np.testing.assert_array_equal(
            value[1:].detach(), state.rows(slice(1, 3)).values[name].detach()
        )


def test_spike_counts_are_decoded_where_the_output_spikes():
    spec = replace(layered_spec(), output="second")
    network, told = network_of(spec), told_to(spec)
    network.record(["second"])
    outputs, _ = network(told, STEPS)
    spikes = network.recorded()["second"].view(6, STEPS, BATCH, -1)
    np.testing.assert_array_equal(outputs.detach(), spikes.sum(1).detach())
    assert outputs.sum() > 0


def test_arrays_are_on_the_grid_and_load_takes_them_back():
    network = network_of(layered_spec(heterogeneity={"membrane_decay": 0.1}))
    arrays = network.arrays()
    assert arrays.keys() == {"up.w", "read.w", "feed.weight", "second.membrane_decay"}
    other = network_of(layered_spec(heterogeneity={"membrane_decay": 0.1}), dtype=torch.float64)
    other.load(arrays)
    for name, values in arrays.items():
        assert values.dtype == np.float64
        np.testing.assert_array_equal(other.arrays()[name], values)
        close = network.parameter(name).detach()
        np.testing.assert_allclose(values, close, atol=2**-21)
        if name != "second.membrane_decay":
            assert not (values % 2**-20).any()


def test_weights_too_large_for_exact_sums_are_refused():
    network = network_of()
    network.load({"up.w": np.full(48, 2.0**30)})
    with pytest.raises(ValueError, match="up.w: weights of this size .* have no exact sums"):
        network.arrays()


def test_copies_and_saved_states_are_independent():
    network = network_of()
    told = told_to(network.spec)
    twin = copy.deepcopy(network)
    other = DifferentiableNetwork(network.spec, 5)
    other.load_state_dict(network.state_dict())
    expected = network(told, STEPS)[0].detach()
    with torch.no_grad():
        network.parameter("feed.weight").zero_()
    for kept in (twin, other):
        np.testing.assert_array_equal(kept(told, STEPS)[0].detach(), expected)
    assert not torch.equal(network(told, STEPS)[0], expected)
    twin.slope = 77.0
    assert network.slope == 2.0


def test_noise_is_that_of_the_seeds_or_of_torch():
    spec = chain_spec()
    network, told = network_of(spec), told_to(spec)[:, :1].expand(-1, BATCH, -1)
    network.record(["ising"])

    def draw(seeds=None, generator=None):
        network.seed_noise(seeds)
        network.generator = generator
        network(told, STEPS)
        return network.recorded()["ising"].detach()

    assert torch.equal(draw(range(BATCH)), draw(range(BATCH)))
    assert not torch.equal(draw(range(BATCH)), draw(range(1, BATCH + 1)))
    assert torch.equal(draw(range(BATCH))[:, 1], draw(range(1, BATCH + 1))[:, 0])
    seeded = [draw(None, torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*seeded)
    assert not torch.equal(seeded[0], draw(range(BATCH)))


def test_several_synapses_of_one_pair_add_up():
    spec = layered_spec()
    (up, read) = spec.projections
    double = replace(
        up, pre=np.tile(up.pre, 2), post=np.tile(up.post, 2), weights=np.full(96, 0.25)
    )
    single = replace(up, weights=np.full(48, 0.5))
    told = told_to(spec)
    first, second = (
        network_of(replace(spec, projections=(p, read)))(told, STEPS)[0] for p in (double, single)
    )
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": RULES["rstdp"]()}, "Projection 'up': expected plain weights .* got a rule"),
        ({"delay_ms": 2.0}, "Projection 'up': expected plain weights .* got a delay"),
        ({"incoming_sum": 1.0, "w_min": 0.0}, "got a sum of incoming weights"),
    ],
)
def test_projections_that_have_more_than_weights_are_refused(changes, message):
    spec = layered_spec()
    odd = replace(spec.projections[0], **changes)
    with pytest.raises(ValueError, match=message):
        network_of(replace(spec, projections=(odd, spec.projections[1])))


def test_heterogeneous_time_constants_are_refused():
    spec = layered_spec(second=make_neuron("lif"), heterogeneity={"tau_membrane": 0.1})
    with pytest.raises(ValueError, match="LIF: expected linear equations of constants"):
        network_of(spec)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trainable": ["up.ww"]}, "Unknown trainable array 'up.ww'. Did you mean 'up.w'"),
        ({"trainable": ["second.v_threshold"]}, "Unknown trainable array 'second.v_threshold'"),
        ({"trainable": ["input.resolution"]}, "cannot be trained: the neuron model does not say"),
    ],
)
def test_what_cannot_be_trained_is_refused(options, message):
    spec = layered_spec()
    own = replace(spec.populations[0], heterogeneity={"resolution": 0.0})
    with pytest.raises(ValueError, match=message):
        network_of(replace(spec, populations=(own, *spec.populations[1:])), **options)


def test_odd_calls_are_refused():
    network = network_of()
    for told, steps in ((torch.zeros(3, 4), 1), (torch.zeros(5), 1), (torch.zeros(3, 5), 0)):
        with pytest.raises(ValueError, match="expected told .* and steps >= 1, got"):
            network(told, steps)
    with pytest.raises(ValueError, match="Unknown array 'feed.w'. Did you mean 'feed.weight'"):
        network.load({"feed.w": np.zeros(40)})
    with pytest.raises(ValueError, match="Unknown spiking population 'out'"):
        network.record(["out"])


def test_a_network_takes_arrays_of_its_own_size(open_network):
    network = network_of()
    opened = open_network(network.spec, "runtime-numpy", (0, 1))
    opened.load(network.arrays())
    view = opened.replicated("up.w")
    np.testing.assert_array_equal(view, np.tile(network.arrays()["up.w"], (2, 1)))
    with pytest.raises(ValueError, match=r"up.w has 48 elements, got \(3,\)"):
        opened.load({"up.w": np.zeros(3)})
