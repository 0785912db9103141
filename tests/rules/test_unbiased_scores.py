"""Rules that follow a score do not drift: their eligibility has no mean, that of STDP has one.

Fifty Poisson inputs of 10 Hz drive one neuron, SRM0 as in Fremaux, Sprekeler & Gerstner 2013, with
w = 1 or w = 2 mV. Every rule watches the same spikes of the compiled network for 40 x 100 s; its
eligibility is read once a second and averaged over the synapses. With constant reward the mean of
the eligibility is the drift of the weights (Fremaux, Sprekeler & Gerstner 2010, J. Neurosci. 30:
13326): <dw> = Cov(reward, eligibility) + <reward><eligibility>.
"""

from functools import cache

import numpy as np
import pytest

from threefactor.models.network import Network
from threefactor.models.neurons import SRM0, NoisyLIF
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules import RULES
from threefactor.rules.hedonistic import HedonisticSynapse
from threefactor.rules.reinforce import Reinforce
from threefactor.rules.rmax import HebbianBias

INPUTS, INPUT_HZ, SECONDS, REPLICAS = 50, 10.0, 100, 40
WEIGHTS = (1.0, 2.0)
#: Lags, in seconds, over which eligibilities may remember each other.
MEMORY = 5
#: Networks: a neuron and the rules that watch it, the first of which drives it.
NETWORKS = {
    "srm0": (
        SRM0(),
        {
            "reinforce": Reinforce(trace_decay=0.0),
            "reinforce-sign": RULES["reinforce-sign"](),
            "rmax": RULES["rmax"](),
            "population-agreement": RULES["population-agreement"](),
            "hebbian-bias": HebbianBias(expected_share=1.0),
            "hebb": HebbianBias(expected_share=0.0),
            "rstdp": RULES["rstdp"](),
        },
    ),
    "release": (
        SRM0(),
        {
            "hedonistic": HedonisticSynapse(
                amplitude=1.5, facilitation_jump=0.5, tau_eligibility_ms=500.0
            )
        },
    ),
    "noisy": (
        NoisyLIF(),
        {
            "node-perturbation": RULES["node-perturbation"](),
            "exploratory-hebb": RULES["exploratory-hebb"](),
        },
    ),
}
UNBIASED = {
    "reinforce": "srm0", "reinforce-sign": "srm0", "rmax": "srm0", "population-agreement": "srm0",
    "hebbian-bias": "srm0", "hedonistic": "release", "node-perturbation": "noisy",
}  # fmt: skip
BIASED = {"rstdp": "srm0", "hebb": "srm0", "exploratory-hebb": "noisy"}


@cache
def watch(network_name):
    """Return {rule: eligibilities (weights, replicas, seconds)} and the neuron's rates in Hz.

    The weights of all rules but the first are zero and transmit nothing. Every neuron agrees with
    the decision, so that rules with an agreement are their score. `hedonistic` has log-odds of
    release for weights.
    """
    neuron, rules = NETWORKS[network_name]
    everyone = len(WEIGHTS) * REPLICAS
    pairs = all_to_all(INPUTS, 1)
    spec = NetworkSpec(
        (
            Population("input", INPUTS, PoissonInput()),
            Population("actor", 1, neuron, modules=np.zeros(1, int)),
        ),
        tuple(
            Projection(name.replace("-", "_"), "input", "actor", **pairs,
                       weights=np.zeros(INPUTS), rule=rule)
            for name, rule in rules.items()
        ),
    )  # fmt: skip
    network = Network(spec, range(everyone), range(everyone))
    first = next(iter(rules)).replace("-", "_")
    network.replicated(f"{first}.w")[...] = np.repeat(WEIGHTS, REPLICAS)[:, None]
    rows, counts = {name: [] for name in rules}, 0.0
    for _ in range(SECONDS):
        counts += network.advance(np.full(INPUTS, INPUT_HZ), 1000)[:, 0]
        if network.reads_choice:
            network.write("agreement", np.ones(everyone))
        network.close_decision()
        for name in rules:
            trace = network.replicated(f"{name.replace('-', '_')}.trace")
            rows[name].append(trace.mean(axis=1))
    network.close()
    shape = (len(WEIGHTS), REPLICAS)
    rates = (counts / SECONDS).reshape(shape).mean(axis=1)
    return {name: np.array(r).T.reshape(*shape, -1) for name, r in rows.items()}, rates


def mean_and_error(samples):
    """Return mean and standard error of (replicas, seconds) with memory of some seconds."""
    rest = samples - samples.mean()
    covariances = [
        np.sum(rest[:, lag:] * rest[:, : rest.shape[1] - lag]) for lag in range(MEMORY + 1)
    ]
    variance = (covariances[0] + 2 * sum(covariances[1:])) / samples.size**2
    return samples.mean(), np.sqrt(variance)


def z_scores(name, network_name):
    """Return the z-value of the mean eligibility at each weight."""
    samples = watch(network_name)[0][name]
    return np.array([np.divide(*mean_and_error(rows)) for rows in samples])


def test_every_rule_of_the_score_is_here():
    assert {name for name, rule in RULES.items() if "score" in rule.requires} <= set(UNBIASED)


@pytest.mark.slow
def test_the_neuron_fires_as_published():
    np.testing.assert_allclose(watch("srm0")[1], (3.6, 23.0), rtol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", UNBIASED)
def test_mean_eligibility_is_zero(name):
    assert np.all(np.abs(z_scores(name, UNBIASED[name])) < 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", BIASED)
def test_mean_eligibility_is_not_zero(name):
    assert np.all(np.abs(z_scores(name, BIASED[name])) > 20)


@pytest.mark.slow
def test_size_of_the_bias_of_stdp():
    """An independent program counted coincidences as potentiation: 0.173 +- 0.0025 per second."""
    samples, rates = watch("srm0")
    mean, error = mean_and_error(samples["rstdp"][0])
    coincidences = INPUT_HZ * rates[0] * 1e-3
    assert mean + coincidences == pytest.approx(0.173, abs=3 * np.hypot(error, 0.0025))


def test_errors_know_of_memory():
    """AR(1) samples: the standard error of the mean grows by sqrt((1 + a)/(1 - a))."""
    rng, a = np.random.default_rng(4), 0.5
    samples = np.zeros((400, 400))
    for second in range(1, 400):
        samples[:, second] = a * samples[:, second - 1] + rng.normal(size=400)
    plain = samples.std() / np.sqrt(samples.size)
    assert mean_and_error(samples)[1] / plain == pytest.approx(np.sqrt(3), rel=0.05)
