"""The neuron table: contract checks, construction by name, heterogeneous parameters."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.models.neurons import LIF, NEURONS, NeuronModel, make_neuron
from threefactor.models.neurons.checks import build_network, check_neuron
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")  # pyparsing


@pytest.fixture(autouse=True)
def brian2():
    import brian2

    target = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield brian2
    brian2.prefs.codegen.target = target


@pytest.mark.parametrize("name", NEURONS)
def test_neuron_keeps_the_contract(name):
    check_neuron(make_neuron(name))


def test_every_neuron_class_is_in_the_table():
    found, queue = set(), [NeuronModel]
    while queue:
        children = queue.pop().__subclasses__()
        queue += children
        found |= {
            child
            for child in children
            if child.__module__.startswith("threefactor.models.neurons.")
        }
    assert found == set(NEURONS.values())


def test_units_without_a_membrane_say_so():
    without = {name for name, neuron in NEURONS.items() if not neuron.has_membrane}
    assert without == {"analog", "bernoulli-glm", "ising", "poisson", "relu", "timed"}


def test_make_neuron_sets_parameters():
    assert make_neuron("lif", bias_mv=2.0) == LIF(bias_mv=2.0)


@pytest.mark.parametrize(
    ("name", "parameters", "suggestion"),
    [("escape_lif", {}, "'escape-lif'"), ("lif", {"tau_membran_ms": 1.0}, "'tau_membrane_ms'")],
)
def test_make_neuron_suggests(name, parameters, suggestion):
    with pytest.raises(ValueError, match=f"Did you mean {suggestion}"):
        make_neuron(name, **parameters)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("lif", {"tau_membrane_ms": 0.0}, "LIF.tau_membrane_ms must be > 0"),
        ("lif", {"v_reset_mv": -54.0}, "LIF.v_reset_mv must be < v_threshold_mv"),
        ("lif", {"refractory_time_ms": -1.0}, "LIF.refractory_time_ms must be >= 0"),
        ("noisy-lif", {"noise_mv": -1.0}, "NoisyLIF.noise_mv must be >= 0"),
        ("lif-current", {"tau_synapse_ms": 20.0}, "must differ from tau_synapse_ms"),
        ("adaptive-lif", {"psi_width_mv": 0.0}, "psi_width_mv must be > 0"),
        ("escape-lif", {"v_slope_mv": -1.0}, "v_slope_mv must be > 0"),
        ("srm0", {"tau_synapse_ms": 20.0}, "must differ from tau_synapse_ms"),
        ("ising", {"bias": float("nan")}, "Ising.bias must be a finite number"),
        ("izhikevich", {"v_floor_mv": -60.0}, "v_floor_mv must be < v_reset_mv"),
    ],
)
def test_impossible_parameters_are_refused(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        make_neuron(name, **parameters)


def test_check_neuron_finds_an_unknown_name():
    @dataclass(frozen=True)
    class Misspelt(LIF):
        reset = "v = v_rset"

    with pytest.raises(ValueError, match="Misspelt.reset, line 1, .* unknown name 'v_rset'"):
        check_neuron(Misspelt())


def test_check_neuron_finds_an_undocumented_parameter():
    @dataclass(frozen=True)
    class Undocumented(LIF):
        """Leaky integrate and fire."""

        extra: float = 1.0

    with pytest.raises(ValueError, match="docstring and fields disagree"):
        check_neuron(Undocumented())


def test_check_neuron_finds_spikes_without_input():
    @dataclass(frozen=True)
    class Restless(LIF):
        __doc__ = LIF.__doc__

        threshold = "v >= v_reset"

    with pytest.raises(ValueError, match="Restless spikes without input"):
        check_neuron(Restless())


def test_check_neuron_finds_an_explosion():
    @dataclass(frozen=True)
    class Explosive(LIF):
        __doc__ = LIF.__doc__

        before_threshold = "v = v*1e6"
        threshold = "v > inf*mV"

    with np.errstate(all="ignore"), pytest.raises(ValueError, match="v is not finite"):
        check_neuron(Explosive())


def test_every_neuron_exposes_its_variables_and_parameters():
    exposed = make_neuron("escape-lif").exposes
    assert {"v", "rate", "p", "z", "score", "tau_membrane", "sensitivity"} <= set(exposed)
    assert "sensitivity" not in make_neuron("lif-conductance").exposes


@pytest.mark.parametrize("name", ["lif", "escape-lif", "srm0", "lif-conductance"])
def test_heterogeneous_time_constants(brian2, name):
    neuron = make_neuron(name)
    port = next(iter(neuron.ports))
    population = Population("actor", 2, neuron, heterogeneity={"tau_membrane": 0.1})
    inputs = Population("input", 1, PoissonInput())
    spec = NetworkSpec((inputs, population), (_projection(1, 2, 1.0, port),))
    together = _potential(brian2, spec, [10e-3, 30e-3])
    for column, tau_ms in enumerate((10.0, 30.0)):
        alone = replace(population, neuron=replace(neuron, tau_membrane_ms=tau_ms), size=2)
        alone = replace(alone, heterogeneity={})
        single = _potential(brian2, replace(spec, populations=(inputs, alone)), None)
        np.testing.assert_allclose(together[column], single[column], rtol=1e-12)


def _projection(n_pre: int, n_post: int, weight: float, port: str = "current") -> Projection:
    weights = np.full(n_pre * n_post, weight)
    return Projection("plastic", "input", "actor", **all_to_all(n_pre, n_post), weights=weights,
                      port=port)  # fmt: skip


def _potential(brian2, spec, taus):
    built = build_network(spec)
    built.owners["input"].rates_ = 300.0
    if taus is not None:
        built.owners["actor"].tau_membrane_ = taus
    built.network.run(20 * brian2.ms, namespace={})
    return np.array(built.owners["actor"].v_)
