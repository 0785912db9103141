"""Gradients against formulas, finite differences and a network written by hand."""

import numpy as np
import pytest

from tests.models.differentiable.networks import chain_spec, layered_spec, observations
from threefactor.models.neurons import make_neuron

torch = pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
from threefactor.models.differentiable import DifferentiableNetwork  # noqa: E402
from threefactor.models.differentiable.surrogate import Draw, Spike  # noqa: E402

WINDOWS, STEPS, BATCH = 6, 4, 3
NEURON_PARAMETERS = (
    "first.synapse_decay", "first.membrane_decay", "first.v_threshold", "second.membrane_decay",
    "second.v_threshold",
)  # fmt: skip
WEIGHTS = ("up.w", "read.w", "feed.weight")


def told_to(spec, dtype=torch.float64):
    return torch.tensor(observations(spec, WINDOWS, BATCH), dtype=dtype)


def spec_with_parameters():
    """Return a network in which neurons have all parameters of their own."""
    spec = layered_spec(first=make_neuron("lif-discrete"), heterogeneity={
        "membrane_decay": 0.2, "v_threshold": 0.2,
    })  # fmt: skip
    own = {"synapse_decay": 0.2, "membrane_decay": 0.2, "v_threshold": 0.2}
    from dataclasses import replace

    populations = [
        replace(p, heterogeneity=own) if p.name == "first" else p for p in spec.populations
    ]
    return replace(spec, populations=tuple(populations))


def network_of(spec, trainable=(*WEIGHTS, *NEURON_PARAMETERS), **options):
    return DifferentiableNetwork(spec, 2, trainable, dtype=torch.float64, **options)


def loss_of(network, told):
    outputs, _ = network(told, STEPS)
    weights = torch.linspace(-1.0, 1.0, outputs.numel(), dtype=outputs.dtype)
    return (outputs.flatten() * weights).sum() + outputs.square().mean()


def gradients(network, told):
    network.zero_grad()
    loss_of(network, told).backward()
    return {
        name.replace("/", "."): p.grad.clone() for name, p in network.named_parameters()
        if p.grad is not None
    }  # fmt: skip


@pytest.mark.parametrize("slope", [1.0, 2.0, 100.0])
def test_surrogate_derivative(slope):
    x = torch.linspace(-2.0, 2.0, 41, dtype=torch.float64, requires_grad=True)
    z, is_spike = Spike.apply(x, slope, False)
    z.sum().backward()
    np.testing.assert_array_equal(z.detach(), (x.detach() > 0).double())
    np.testing.assert_array_equal(is_spike, x.detach() > 0)
    np.testing.assert_allclose(x.grad, 1 / (1 + slope * x.detach().abs()) ** 2, rtol=1e-14)


def test_threshold_that_equality_reaches():
    zero = torch.zeros(1, dtype=torch.float64)
    assert Spike.apply(zero, 2.0, True)[0] == 1.0
    assert Spike.apply(zero, 2.0, False)[0] == 0.0


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_relaxed_draw_against_finite_differences(temperature):
    generator = torch.Generator().manual_seed(0)
    drive = torch.randn(50, dtype=torch.float64, generator=generator, requires_grad=True)
    u = torch.rand(50, dtype=torch.float64, generator=generator)

    def probability(h):
        return 0.5 * (1 + torch.tanh(h))

    def relaxed(h):
        return torch.sigmoid((2 * h - torch.logit(u)) / temperature)

    draw = Draw.apply(probability(drive), u, temperature)
    draw.sum().backward()
    np.testing.assert_array_equal(draw.detach(), (u < probability(drive.detach())).double())
    h, step = drive.detach(), 1e-6
    expected = (relaxed(h + step) - relaxed(h - step)) / (2 * step)
    np.testing.assert_allclose(drive.grad, expected, rtol=1e-6, atol=1e-9)


class RelaxedSpike(Spike):
    """A spike whose size is the integral of the surrogate derivative, x/(1 + slope*|x|)."""

    @staticmethod
    def forward(ctx, distance, slope, is_inclusive):
        _, is_spike = Spike.forward(ctx, distance, slope, is_inclusive)
        return distance / (1 + slope * distance.abs()), is_spike


@pytest.mark.parametrize("name", [*WEIGHTS, *NEURON_PARAMETERS])
def test_gradients_are_those_of_the_relaxed_network(name, monkeypatch):
    """Finite differences where spikes are graded and resets stay where they are."""
    monkeypatch.setattr("threefactor.models.differentiable.expressions.Spike", RelaxedSpike)
    spec = spec_with_parameters()
    network, told = network_of(spec), told_to(spec)
    found = gradients(network, told)[name].flatten()
    values, step = network.parameter(name).data.view(-1), 1e-7
    for k in range(0, len(values), max(1, len(values) // 6)):
        before, losses = values[k].item(), []
        for sign in (1, -1):
            values[k] = before + sign * step
            losses.append(loss_of(network, told).item())
        values[k] = before
        expected = (losses[0] - losses[1]) / (2 * step)
        assert found[k].item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def by_hand(network, told, slope):
    """Return the loss of the same network, written with the equations and nothing else."""
    w = {name: network.parameter(name).detach().clone().requires_grad_() for name in
         (*WEIGHTS, *NEURON_PARAMETERS)}  # fmt: skip

    def spike(x):
        soft = x / (1 + slope * x.abs())
        return soft + ((x > 0).double() - soft).detach()

    feed, up, read = (w[n].view(*s) for n, s in
                      zip(("feed.weight", "up.w", "read.w"), ((5, 8), (8, 6), (6, 2)),
                          strict=True))  # fmt: skip
    current, v, z = (torch.zeros(BATCH, 8, dtype=torch.float64) for _ in range(3))
    u, s = (torch.zeros(BATCH, 6, dtype=torch.float64) for _ in range(2))
    synapse, out = (torch.zeros(BATCH, 2, dtype=torch.float64) for _ in range(2))
    outputs = []
    for x in told:
        x = torch.floor(x * 2**20) / 2**20
        for _ in range(STEPS):
            synapse = 0.5 * synapse + s @ read
            out = 0.5 * out + synapse
            u = w["second.membrane_decay"] * u + z @ up - s.detach() * w["second.v_threshold"]
            s = spike(u - w["second.v_threshold"])
            current = w["first.synapse_decay"] * current + x @ feed
            v = w["first.membrane_decay"] * v + current
            z = spike(v - w["first.v_threshold"])
            v = v * (1 - z.detach())
        outputs.append(out)
    outputs = torch.stack(outputs)
    weights = torch.linspace(-1.0, 1.0, outputs.numel(), dtype=torch.float64)
    loss = (outputs.flatten() * weights).sum() + outputs.square().mean()
    loss.backward()
    return loss.item(), {name: tensor.grad for name, tensor in w.items()}


@pytest.mark.parametrize("slope", [2.0, 25.0])
def test_gradients_are_those_of_a_network_written_by_hand(slope):
    spec = spec_with_parameters()
    network, told = network_of(spec, slope=slope), told_to(spec)
    loss, expected = by_hand(network, told, slope)
    assert loss_of(network, told).item() == pytest.approx(loss, rel=1e-12)
    found = gradients(network, told)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert gradient.abs().max() > 1e-3, name
        np.testing.assert_allclose(found[name], gradient, rtol=1e-9, atol=1e-12, err_msg=name)


def test_slope_changes_gradients_and_no_spikes_without_rebuilding():
    spec = layered_spec()
    network, told = network_of(spec, WEIGHTS, slope=2.0), told_to(spec)
    network.record(["second"])
    shallow = gradients(network, told)
    spikes = network.recorded()["second"]
    network.slope = 50.0
    steep = gradients(network, told)
    np.testing.assert_array_equal(network.recorded()["second"].detach(), spikes.detach())
    assert shallow["feed.weight"].abs().mean() > 10 * steep["feed.weight"].abs().mean()
    fresh = gradients(network_of(spec, WEIGHTS, slope=50.0), told)
    for name, gradient in fresh.items():
        np.testing.assert_array_equal(gradient, steep[name], name)


def test_temperature_of_draws_changes_gradients():
    spec = chain_spec()
    network, told = DifferentiableNetwork(spec, 1, dtype=torch.float64), told_to(spec)
    network.seed_noise(range(BATCH))
    warm = gradients(network, told)
    network.temperature = 0.2
    cold = gradients(network, told)
    assert not np.allclose(warm["feed.weight"], cold["feed.weight"])
    assert warm["feed.weight"].abs().max() > 0


def test_a_reset_passes_gradients_only_where_asked():
    spec = layered_spec()
    network, told = network_of(spec, WEIGHTS), told_to(spec)
    without = gradients(network, told)
    loss = loss_of(network, told).item()
    network.has_reset_gradient = True
    assert loss_of(network, told).item() == pytest.approx(loss, rel=1e-12)
    assert not np.allclose(gradients(network, told)["feed.weight"], without["feed.weight"])


def test_gradients_pass_the_rounding_of_inputs():
    spec = layered_spec()
    network, told = network_of(spec, WEIGHTS), told_to(spec).requires_grad_()
    loss_of(network, told).backward()
    assert told.grad.abs().max() > 0


def test_only_what_is_asked_for_has_a_gradient():
    spec = spec_with_parameters()
    assert gradients(network_of(spec, ("up.w",)), told_to(spec)).keys() == {"up.w"}


def test_parameters_stay_within_their_bounds():
    spec = spec_with_parameters()
    network, told = network_of(spec), told_to(spec)
    optimiser = torch.optim.SGD(network.parameters(), lr=100.0)
    loss_of(network, told).backward()
    optimiser.step()
    decays = network.parameter("second.membrane_decay")
    assert ((decays < 0) | (decays > 1)).any()
    assert torch.isfinite(loss_of(network, told))
    assert ((decays >= 0) & (decays <= 1)).all()
    assert (network.parameter("first.v_threshold") >= 0).all()
