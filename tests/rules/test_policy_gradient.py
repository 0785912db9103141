"""The coagent policy-gradient theorem on a two-layer network, enumerated and sampled.

Every unit follows the score of its own spikes times the broadcast reward and knows nothing of the
others. The mean of these updates is the gradient of the expected reward in all weights, those of
the hidden layer included (Thomas 2011, "Policy gradient coagent networks", NeurIPS 24).

Network: three inputs (two bits and a constant one) -> three hidden -> two output units, memoryless
(`Ising`). The pattern is shown for a window of three ticks, in which spikes reach the output. The
action is that of the output with more spikes, else a fair coin; a table gives its reward.
"""

from functools import cache
from itertools import product

import numpy as np
import pytest

from threefactor.models.neurons import Ising
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules import RULES
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret

TICKS, INPUTS, HIDDEN, OUTPUTS = 3, 3, 3, 2
PATTERNS = np.array([[a, b, 1] for a, b in product((0, 1), repeat=2)], float)
#: Reward of each action after each pattern: the OR of the bits, mistakes of unequal weight.
REWARDS = np.array([[1.0, -0.5], [-1.0, 1.0], [-0.5, 1.0], [-1.0, 0.5]])
SPLIT, SIZE = INPUTS * HIDDEN, INPUTS * HIDDEN + HIDDEN * OUTPUTS
WEIGHTS = np.random.default_rng(0).normal(scale=0.6, size=SIZE)
LAYERS = {"hidden": slice(None, SPLIT), "output": slice(SPLIT, None)}
#: Spikes of all units in a window, outcome by outcome: (outcomes, ticks, units).
OUTCOMES = np.array(list(product((0, 1), repeat=TICKS * (HIDDEN + OUTPUTS))), float).reshape(
    -1, TICKS, HIDDEN + OUTPUTS
)
Z_HIDDEN, Z_OUTPUT = OUTCOMES[:, :, :HIDDEN], OUTCOMES[:, :, HIDDEN:]
#: Joint states of the hidden units, and the one of every tick.
STATES = np.array(list(product((0, 1), repeat=HIDDEN)), float)
STATE = (Z_HIDDEN @ [4, 2, 1]).astype(int)
OUTPUT_STATE = (Z_OUTPUT @ [2, 1]).astype(int)
COUNTS = Z_OUTPUT.sum(axis=1)
#: Probability of each action after each outcome, (outcomes, actions).
POLICY = 0.5 * (1 + np.sign(COUNTS - COUNTS[:, ::-1]))


def probabilities(w, pattern):
    """Return how likely units fire: hidden (ticks, units), output after each hidden state."""
    shown = np.arange(TICKS)[:, None] > 0  # a spike acts one tick later
    hidden = shown * (pattern @ w[:SPLIT].reshape(INPUTS, HIDDEN))
    output = STATES @ w[SPLIT:].reshape(HIDDEN, OUTPUTS)
    return 0.5 * (1 + np.tanh(hidden)), 0.5 * (1 + np.tanh(output))


def joint(p):
    """Return the probability of every joint state of independent units, (..., states)."""
    states = STATES[: 2 ** p.shape[-1], -p.shape[-1] :]
    return np.prod(np.where(states, p[..., None, :], 1 - p[..., None, :]), axis=-1)


def chances(w, pattern):
    """Return the probability of every outcome, (outcomes,)."""
    hidden, output = map(joint, probabilities(w, pattern))
    total = 0.5**OUTPUTS * hidden[0, STATE[:, 0]]
    for tick in range(1, TICKS):
        total = total * hidden[tick, STATE[:, tick]]
        total = total * output[STATE[:, tick - 1], OUTPUT_STATE[:, tick]]
    return total


def expected_reward(w):
    """Return the expected reward, every pattern as often as any other."""
    rewards = POLICY @ REWARDS.T
    return np.mean([chances(w, x) @ rewards[:, k] for k, x in enumerate(PATTERNS)])


@cache
def exact_gradient():
    """Return the gradient of `expected_reward` by complex steps, exact to rounding."""
    step = 1e-30
    return np.array(
        [expected_reward(WEIGHTS + 1j * step * unit).imag / step for unit in np.eye(SIZE)]
    )


def layer_update(rule, weights, pre_spikes, z, p, reward, agreement):
    """Return the weight changes of one layer, (outcomes, synapses); each outcome has its units."""
    count, _, n_post = z.shape
    n_pre = pre_spikes.shape[2]
    wires = all_to_all(n_pre, n_post)
    row = np.arange(count)[:, None]
    pre = (row * n_pre + wires["pre"]).ravel()
    post = (row * n_post + wires["post"]).ravel()

    def flat(values):
        ticks, units = values.shape[1:]
        rows = np.moveaxis(np.broadcast_to(values, (count, ticks, units)), 1, 0)
        return rows.reshape(ticks, count * units)

    before = np.concatenate([np.zeros_like(pre_spikes[:, :1]), pre_spikes[:, :-1]], axis=1)
    variables = {"score": flat(2 * (z - p)), "sensitivity": flat(before)[:, pre]}
    activity = Activity(flat(pre_spikes) > 0.5, flat(z) > 0.5, variables)
    written = {"agreement": flat(agreement)[:1]} if "agreement" in rule.post_equations else {}
    schedule = Schedule(np.array([TICKS]), np.repeat(reward, n_post)[None], writes=written)
    start = np.tile(weights, count)
    w = interpret(rule, activity, Wiring(pre, post, start), schedule).w
    return (w - start).reshape(count, -1)


def expected_update(name, rewards=REWARDS):
    """Return the mean change of all weights: every outcome through the interpreter.

    rewards : (patterns, actions), or (patterns, outcomes, actions)
    """
    rule, total = RULES[name](learning_rate=1.0), np.zeros(SIZE)
    belongs = np.eye(OUTPUTS, dtype=bool)
    for k, pattern in enumerate(PATTERNS):
        p_hidden, after = probabilities(WEIGHTS, pattern)
        p_output = np.full(Z_OUTPUT.shape, 0.5)
        p_output[:, 1:] = after[STATE[:, :-1]]
        shown = np.broadcast_to(pattern, (len(OUTCOMES), TICKS, INPUTS))
        for action in range(OUTPUTS):
            chance = chances(WEIGHTS, pattern) * POLICY[:, action]
            reward = np.broadcast_to(rewards[k, ..., action], len(OUTCOMES))
            agrees = np.where((COUNTS > 0) == belongs[action], 1.0, -1.0)[:, None]
            everyone = np.ones((len(OUTCOMES), 1, HIDDEN))
            layers = {
                "hidden": (shown, Z_HIDDEN, p_hidden[None], reward, everyone),
                "output": (Z_HIDDEN, Z_OUTPUT, p_output, reward, agrees),
            }
            for layer, given in layers.items():
                total[LAYERS[layer]] += chance @ layer_update(rule, WEIGHTS[LAYERS[layer]], *given)
    return total / len(PATTERNS)


def cosine(one, other, layer=slice(None)):
    one, other = one[layer], other[layer]
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def test_exact_gradient_is_the_finite_difference_of_the_enumerated_expectation():
    for k, pattern in enumerate(PATTERNS):
        assert chances(WEIGHTS, pattern).sum() == pytest.approx(1, abs=1e-12), k
    step, gradient = 1e-5, exact_gradient()
    differences = [
        (expected_reward(WEIGHTS + d) - expected_reward(WEIGHTS - d)) / (2 * step)
        for d in step * np.eye(SIZE)
    ]
    np.testing.assert_allclose(gradient, differences, rtol=0, atol=1e-9)
    assert all(np.linalg.norm(gradient[layer]) > 0.03 for layer in LAYERS.values())


def test_mean_update_of_reinforce_is_the_gradient_in_every_layer():
    update, gradient = expected_update("reinforce"), exact_gradient()
    np.testing.assert_allclose(update, gradient, rtol=0, atol=1e-12)
    for layer in LAYERS.values():
        assert cosine(update, gradient, layer) > 1 - 1e-9


def test_a_constant_reward_on_top_changes_nothing_but_turns_the_sign_rule_away():
    gradient, raised = exact_gradient(), REWARDS + 2.0
    np.testing.assert_allclose(expected_update("reinforce", raised), gradient, rtol=0, atol=1e-12)
    signed = expected_update("reinforce-sign", raised)
    assert cosine(signed, gradient, LAYERS["output"]) < 0.2
    assert cosine(signed, gradient) < 0.2
    # hidden units stand for no action and keep their sign
    np.testing.assert_allclose(signed[:SPLIT], gradient[:SPLIT], rtol=0, atol=1e-12)


def test_mean_update_is_no_gradient_when_outcomes_swap_their_rewards():
    every = np.broadcast_to(REWARDS[:, None, :], (len(PATTERNS), len(OUTCOMES), OUTPUTS))
    shuffled = np.random.default_rng(2).permutation(every.ravel()).reshape(every.shape)
    update, gradient = expected_update("reinforce", shuffled), exact_gradient()
    assert abs(cosine(update, gradient)) < 0.6
    assert np.linalg.norm(update) < 0.3 * np.linalg.norm(gradient)


SAMPLED_REPLICAS, WINDOWS = 4000, 100


@pytest.fixture(scope="module")
def sampled():
    """Return a function: mean update of the compiled network and its errors, (weights,)."""
    from threefactor.models.network import Network

    rule = RULES["reinforce"](learning_rate=1.0)
    spec = NetworkSpec(
        (
            Population("input", INPUTS, PoissonInput()),
            Population("hidden", HIDDEN, Ising()),
            Population("actor", OUTPUTS, Ising()),
        ),
        (
            Projection("features", "input", "hidden", **all_to_all(INPUTS, HIDDEN),
                       weights=WEIGHTS[LAYERS["hidden"]], rule=rule),
            Projection("policy", "hidden", "actor", **all_to_all(HIDDEN, OUTPUTS),
                       weights=WEIGHTS[LAYERS["output"]], rule=rule),
        ),
    )  # fmt: skip
    network = Network(spec, range(SAMPLED_REPLICAS), range(SAMPLED_REPLICAS))
    yield lambda is_shuffled: mean_update(network, is_shuffled)
    network.close()


def mean_update(network, is_shuffled):
    """Return the mean change of the weights over windows and replicas, and its standard error."""
    generator = np.random.default_rng(3)
    shown = np.arange(SAMPLED_REPLICAS) % len(PATTERNS)
    views = [network.replicated(f"{name}.w") for name in ("features", "policy")]
    sums = np.zeros((SAMPLED_REPLICAS, SIZE))
    for _ in range(WINDOWS):
        counts = network.advance(1e3 * PATTERNS[shown], TICKS)  # 1 kHz: a spike in every tick
        coin = generator.choice([-0.5, 0.5], SAMPLED_REPLICAS)
        action = (counts[:, 1] - counts[:, 0] + coin > 0).astype(int)
        reward = REWARDS[shown, action]
        network.close_decision(action)
        network.consolidate(generator.permutation(reward) if is_shuffled else reward)
        sums += np.hstack(views) - WEIGHTS
        for view, layer in zip(views, LAYERS.values(), strict=True):
            view[...] = WEIGHTS[layer]
        network.start_episode(np.ones(SAMPLED_REPLICAS, bool))
    # patterns are strata: as often as any other, each with a spread of its own
    strata = (sums / WINDOWS).reshape(-1, len(PATTERNS), SIZE)
    error = np.sqrt((strata.var(axis=0, ddof=1) / len(strata)).sum(axis=0)) / len(PATTERNS)
    return strata.mean(axis=(0, 1)), error


def test_sampled_updates_of_the_compiled_network_follow_the_exact_gradient(sampled):
    gradient = exact_gradient()
    update, error = sampled(is_shuffled=False)
    assert np.all(np.abs(update - gradient) < 4 * error)
    for layer in LAYERS.values():
        # noise across the gradient turns the mean update by half its variance, at most
        turn = np.sum(error[layer] ** 2) / (2 * np.sum(gradient[layer] ** 2))
        assert turn < 0.02
        assert 1 - cosine(update, gradient, layer) < 4 * turn


def test_sampled_updates_with_shuffled_rewards_do_not(sampled):
    gradient = exact_gradient()
    update, error = sampled(is_shuffled=True)
    assert np.all(np.abs(update) < 4 * error)
    assert abs(cosine(update, gradient)) < 0.7
