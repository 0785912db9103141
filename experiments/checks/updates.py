"""Promises of weight updates, tried on changes that a rule proposes in a small network."""

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.report import Broken
from threefactor.experiments.checks.settings import SETTINGS
from threefactor.experiments.checks.small_network import small_network
from threefactor.rules.contract import Rule
from threefactor.rules.updates import WeightUpdate

DELIVERIES, REPLICAS = 12, 2


@dataclass(frozen=True)
class _Proposal(Rule):
    """Propose the third factor itself as the change of every weight."""

    learning_rate: float = 1.0

    consolidate = "w += learning_rate*third_factor"


def _weights(
    update: WeightUpdate, changes: NDArray, replicas: int = REPLICAS, first: int = 0
) -> NDArray:
    """Return the weights before and after each proposed change, (deliveries + 1, replicas, n)."""
    network = small_network(replicas, _Proposal(), update, first)
    with closing(network), np.errstate(all="ignore"):  # what is not finite is looked for
        found = [network.weights()["policy"]]
        for change in changes:
            network.consolidate(change[first : first + replicas])
            found.append(network.weights()["policy"])
    return np.array(found)


def _changes(scale: float) -> NDArray:
    return scale * np.random.default_rng(2).standard_normal((DELIVERIES, REPLICAS))


def moves(update: WeightUpdate) -> str:
    """Let a weight change if a change is proposed."""
    found = _weights(update, np.full((DELIVERIES, REPLICAS), 0.05))
    if np.array_equal(found[0], found[-1]):
        raise Broken("expected weights that change when changes are proposed, got the same ones.")
    return f"{np.mean(found[-1] - found[0]) / (0.05 * DELIVERIES):.3g} of what is proposed"


def zero_change(update: WeightUpdate) -> str:
    """Leave weights as they are while no change is proposed, bit for bit."""
    found = _weights(update, np.zeros((DELIVERIES, REPLICAS)))
    if not np.all(found == found[0]):
        raise Broken(
            f"expected bitwise unchanged weights for change = 0, got a change of "
            f"{np.abs(found - found[0]).max():.2g}; every term of `apply` needs the factor change."
        )
    return ""


def bounds(update: WeightUpdate) -> str:
    """Keep weights finite and within their bounds, whatever is proposed."""
    for scale in (0.1, 10.0, 1e6):
        found = _weights(update, _changes(scale))
        if not np.all(np.isfinite(found)):
            raise Broken(f"expected finite weights, got {found[~np.isfinite(found)][0]}.")
        if found.min() < 0.0 or found.max() > 2.0:
            raise Broken(f"expected weights in [0, 2], got {found.min():g} to {found.max():g}.")
    return ""


def replicas(update: WeightUpdate) -> str:
    """Change the weights of an agent among replicas as those of the agent alone."""
    together = _weights(update, _changes(0.1))
    for replica in range(REPLICAS):
        alone = _weights(update, _changes(0.1), 1, replica)
        if not np.array_equal(alone[:, 0], together[:, replica]):
            raise Broken(f"expected the weights of replica {replica} alone, got others.")
    return ""


PROMISES = (*SETTINGS, moves, zero_change, bounds, replicas)
