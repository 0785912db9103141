"""Replicas in blocks: the same bits whatever the size, and no blocks where replicas meet."""

import numpy as np
import pytest

from threefactor.models.engine.blocks import replicas_in_cache, within_block
from threefactor.models.neurons import LIF, NEURONS
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection
from threefactor.rules import RULES

SEEDS = (3, 5, 8, 13, 21)
STRUCTURAL = {"N", "i", "_spikespace", "sources", "targets"}


def run(network, block, is_recording=False):
    """Return spikes of the outputs, recorded spikes and every array after five windows."""
    network.engine.set_block(block)
    if is_recording:
        network.engine.record(["input", "actor"], [("policy.w", 3)])
    generator, counts = np.random.default_rng(0), []
    for _ in range(5):
        rates = generator.uniform(0.0, 400.0, (len(SEEDS), network.n_inputs))
        counts.append(network.advance(rates, 30).copy())
        network.close_decision()
        network.consolidate(generator.normal(size=len(SEEDS)))
    recorded = network.engine.drain() if is_recording else {}
    arrays = {
        name: network.engine.array(name).copy() for name in network.engine.arrays()
        if name.partition(".")[2] not in STRUCTURAL
    }  # fmt: skip
    return np.array(counts), recorded, arrays


@pytest.mark.parametrize(
    ("rule", "neuron"),
    [("rstdp-et", "lif"), ("reinforce", "escape-lif"), ("eprop-reward", "adaptive-lif")],
)
def test_results_do_not_depend_on_the_size_of_blocks(make_spec, open_network, rule, neuron):
    spec = make_spec(RULES[rule](), NEURONS[neuron](), n_outputs=8)
    counts, _, arrays = run(open_network(spec, "compiled", SEEDS), len(SEEDS))
    assert counts.sum() > 0
    for size in (1, 2, 99):
        other, _, theirs = run(open_network(spec, "compiled", SEEDS), size)
        np.testing.assert_array_equal(other, counts)
        assert theirs.keys() == arrays.keys()
        for name, values in arrays.items():
            np.testing.assert_array_equal(theirs[name], values, err_msg=name)


def test_what_runs_on_request_acts_on_all_replicas_before_and_after_windows(
    make_spec, open_network
):
    network = open_network(make_spec(RULES["rstdp-et"](), n_outputs=8), "compiled", SEEDS)
    network.engine.set_block(1)
    eligibility = network.replicated("policy.eligibility")
    for _ in range(2):
        eligibility[...] = 1.0
        network.engine.array("policy.eligibility_growth")[...] = 2.0
        network.engine.run_block("settle:policy")
        np.testing.assert_array_equal(eligibility, 0.5)
        network.advance(np.zeros((len(SEEDS), network.n_inputs)), 5)


def test_recordings_are_in_the_order_of_time(make_spec, open_network):
    spec = make_spec(RULES["rstdp-et"](), n_outputs=8)
    _, recorded, _ = run(open_network(spec, "compiled", SEEDS), len(SEEDS), is_recording=True)
    _, in_blocks, _ = run(open_network(spec, "compiled", SEEDS), 1, is_recording=True)
    assert recorded["actor.step"].size > 0
    for name, values in recorded.items():
        np.testing.assert_array_equal(in_blocks[name], values, err_msg=name)


@pytest.mark.parametrize(
    ("rule", "options"), [("rstdp-et", {"delay_ms": 2.0}), ("dopamine-stdp", {})]
)
def test_replicas_that_share_a_queue_or_a_clock_stay_together(
    make_spec, open_network, rule, options
):
    network = open_network(make_spec(RULES[rule](), **options), "compiled", SEEDS)
    with pytest.raises(ValueError, match="cannot be cut|with blocks"):
        network.engine.set_block(1)


def test_a_loop_of_unknown_form_is_refused():
    with pytest.raises(ValueError, match="no block can cut"):
        within_block("for(long _idx=0; _idx<M; _idx++) { x[_idx] = 0; }", 3)


def test_every_block_has_a_replica():
    assert replicas_in_cache(1e12) == 1
    assert replicas_in_cache(1.0) > 1000


def test_a_build_serves_one_number_of_replicas(open_network):
    """2 replicas of 6 neurons and 3 of 4 have equal sizes in all, and are cut in other places."""

    def ring(n):
        each = np.arange(n)
        return NetworkSpec(
            (Population("input", n, PoissonInput()), Population("actor", n, LIF())),
            (Projection("policy", "input", "actor", each, (each + 1) % n, np.full(n, 9.0)),),
        )

    rates = np.linspace(100.0, 500.0, 4)
    open_network(ring(6), "compiled", (1, 2))
    seeds = (1, 2, 3)
    several = open_network(ring(4), "compiled", seeds)
    several.engine.set_block(1)
    counts = several.advance(np.tile(rates, (3, 1)), 200)
    assert counts.sum() > 0
    for row, seed in zip(counts, seeds, strict=True):
        alone = open_network(ring(4), "compiled", (seed,)).advance(rates[None], 200)[0]
        np.testing.assert_array_equal(row, alone)
