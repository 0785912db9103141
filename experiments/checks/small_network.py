"""A small network for trials of parts that act on one, on the engine that needs no compiler."""

import numpy as np

from threefactor.models.network import Network
from threefactor.models.neurons import NEURONS
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules import RULES
from threefactor.rules.contract import Rule
from threefactor.rules.updates import WeightUpdate

ENGINE = "runtime-numpy"
N_INPUTS, N_HIDDEN, N_ACTIONS, N_CRITIC = 4, 5, 3, 2


def small_network(
    replicas: int = 1, rule: Rule | None = None, update: WeightUpdate | None = None, first: int = 0
) -> Network:
    """Return a network of input and actor, its replicas seeded from `first` on.

    Parameters
    ----------
    rule, update : optional
        Of its one projection, "policy", with weights between 0 and 2; default: REINFORCE, plain.
    """
    modules = np.arange(2 * N_ACTIONS) // 2
    policy = Projection(
        "policy", "input", "actor", **all_to_all(N_INPUTS, modules.size), weights=Uniform(0.5, 1.5),
        w_min=0.0, w_max=2.0, rule=rule or RULES["reinforce"](), update=update or WeightUpdate(),
    )  # fmt: skip
    actor = Population("actor", modules.size, NEURONS["escape-lif"](), modules=modules)
    spec = NetworkSpec((Population("input", N_INPUTS, PoissonInput()), actor), (policy,))
    seeds = range(first, first + replicas)
    return Network(spec, seeds, seeds, ENGINE)


def listening_network(replicas: int = 1, first: int = 0) -> Network:
    """Return a network whose hidden neurons wait for a learning signal; actor and critic follow."""
    modules, weights = np.arange(2 * N_ACTIONS) // 2, Uniform(0.5, 1.5)
    populations = (
        Population("input", N_INPUTS, PoissonInput()),
        Population("hidden", N_HIDDEN, NEURONS["adaptive-lif"]()),
        Population("actor", modules.size, NEURONS["lif"](), modules=modules),
        Population("critic", N_CRITIC, NEURONS["lif"]()),
    )
    spec = NetworkSpec(
        populations,
        (
            Projection(
                "features", "input", "hidden", **all_to_all(N_INPUTS, N_HIDDEN), weights=weights,
                rule=RULES["eprop"](), w_min=-5.0, w_max=5.0,
            ),
            Projection(
                "policy", "hidden", "actor", **all_to_all(N_HIDDEN, modules.size), weights=weights
            ),
            Projection(
                "value", "hidden", "critic", **all_to_all(N_HIDDEN, N_CRITIC), weights=weights
            ),
        ),
        critic="critic",
    )  # fmt: skip
    seeds = range(first, first + replicas)
    return Network(spec, seeds, seeds, ENGINE)
