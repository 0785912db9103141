"""Promises of learning signals, tried on the hidden neurons of a small network."""

from contextlib import closing
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.plastic.learning_signals import LearningSignal
from threefactor.experiments.checks.report import Broken
from threefactor.experiments.checks.settings import SETTINGS
from threefactor.experiments.checks.small_network import (
    N_ACTIONS,
    N_HIDDEN,
    listening_network,
)

REPLICAS = 3


def _errors(number: int = 0) -> NDArray:
    """Return errors of the policy, (replicas, n_actions): they sum to zero."""
    errors = np.random.default_rng(number).standard_normal((REPLICAS, N_ACTIONS))
    return errors - errors.mean(axis=1, keepdims=True)


def _signals(
    signal: LearningSignal, errors: NDArray, first: int = 0, times: int = 1
) -> list[NDArray]:
    """Return what hidden neurons hear of the same errors, as often as asked."""
    replicas = len(errors)
    with closing(listening_network(replicas, first)) as network:
        before = network.weights()
        seeds = range(first, first + replicas)
        feedback = signal.hidden(network, "hidden", N_ACTIONS, seeds)
        heard = [np.array(feedback(errors)) for _ in range(times)]
        after = network.weights()
    if any(not np.array_equal(before[name], after[name]) for name in before):
        raise Broken("expected the network's weights unchanged, got them written to.")
    return heard


def finite(signal: LearningSignal) -> str:
    """Give one finite number for each hidden neuron."""
    (heard,) = _signals(signal, _errors())
    if heard.shape != (REPLICAS, N_HIDDEN):
        raise Broken(f"expected shape {(REPLICAS, N_HIDDEN)}, got {heard.shape}.")
    if not np.all(np.isfinite(heard)):
        raise Broken(f"expected finite signals, got {heard[~np.isfinite(heard)][0]}.")
    return f"{np.abs(heard).mean():.2g} on average"


def purity(signal: LearningSignal) -> str:
    """Tell the same of the same errors, and leave those and the weights as they are."""
    errors = _errors()
    first, second = _signals(signal, errors, times=2)
    if not np.array_equal(errors, _errors()):
        raise Broken("expected the errors unchanged, got them written to.")
    if not np.array_equal(first, second):
        raise Broken("expected the same signals for the same errors, got others.")
    return ""


def gains(signal: LearningSignal) -> str:
    """Send nothing with both gains 0, and nothing of the policy with policy_gain 0."""
    (silent,) = _signals(replace(signal, policy_gain=0.0, value_gain=0.0), _errors())
    if np.any(silent):
        raise Broken(f"expected zeros with policy_gain = value_gain = 0, got {silent.max():g}.")
    one, other = (
        _signals(replace(signal, policy_gain=0.0), _errors(number))[0] for number in (0, 1)
    )
    if not np.array_equal(one, other):
        raise Broken("expected signals that ignore the policy's errors with policy_gain = 0.")
    return ""


def replicas(signal: LearningSignal) -> str:
    """Tell a replica what the same agent would hear alone; draw from its seed only."""
    (together,) = _signals(signal, _errors())
    for replica in range(REPLICAS):
        (alone,) = _signals(signal, _errors()[replica : replica + 1], replica)
        if not np.array_equal(alone[0], together[replica]):
            raise Broken(f"expected the signals of replica {replica} alone, got others.")
    return ""


PROMISES = (*SETTINGS, finite, purity, gains, replicas)
