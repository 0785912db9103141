"""REINFORCE with every neuron as an agent learns XOR of rates, without baseline or critic.

All seeds run as replicas of one network, 800 s of model time. About 5 minutes.

The task of `rate_xor` with escape noise in place of the noise-free threshold. No publication
reports this configuration; its numbers come from an independent program of this project.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.arms import load_arm
from threefactor.experiments.claims.experiment import ArmRequest, ArmResult, Experiment, share_above
from threefactor.experiments.gallery.rate_xor import (
    margin_hz,
    order_generators,
    random_reward,
    show_epochs,
    target_reward,
    xor_network_spec,
)
from threefactor.models.neurons.escape import EscapeLIF
from threefactor.rules.reinforce import Reinforce

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS, TEST_EPOCHS = 400, 10
TRAINED, UNTRAINED, RANDOM = "REINFORCE", "untrained twin", "random reward"
TAU_ELIGIBILITY_MS = 20.0
#: The trace decays once per decision, which is one timestep of 1 ms.
RULE = Reinforce(
    learning_rate=5.0 / TAU_ELIGIBILITY_MS, trace_decay=math.exp(-1.0 / TAU_ELIGIBILITY_MS)
)
NEURON = EscapeLIF(
    tau_membrane_ms=20.0, v_rest_mv=0.0, v_reset_mv=0.0, v_threshold_mv=16.0, v_slope_mv=4.0,
    rate_at_threshold_hz=50.0, exponent_limit=5.0,
)  # fmt: skip


def run_arm(request: ArmRequest) -> ArmResult:
    """Train one arm, then judge its frozen weights: the margin of each seed, Hz."""
    weights, training = None, np.zeros((0, len(request.seeds), 4))
    if request.arm != UNTRAINED:
        weights, training = _train(request)
    tests = _test(request, weights)
    margins = margin_hz(tests.mean(axis=0))
    return ArmResult(margins, {"rates_hz": training, "test_rates_hz": tests, **(weights or {})})


def _train(request: ArmRequest) -> tuple[dict[str, NDArray], NDArray]:
    network = request.open_network(xor_network_spec(RULE, NEURON))
    reward = random_reward(request.seeds) if request.arm == RANDOM else target_reward
    epochs, chunks = max(1, round(EPOCHS * request.budget)), []
    orders = order_generators(request.seeds, purpose=0)
    for start in range(0, epochs, 20):
        chunks.append(show_epochs(network, min(20, epochs - start), orders, reward))
        margin = margin_hz(chunks[-1].mean(axis=0)).mean()
        request.say(f"  epoch {start + len(chunks[-1])}: mean margin {margin:.1f} Hz")
    weights = network.weights()
    network.close()
    return weights, np.concatenate(chunks)


def _test(request: ArmRequest, weights: dict[str, NDArray] | None) -> NDArray[np.float64]:
    network = request.open_test(xor_network_spec(RULE, NEURON))
    for name, values in (weights or {}).items():
        network.replicated(f"{name}.w")[...] = values
    rates = show_epochs(network, TEST_EPOCHS, order_generators(request.seeds, purpose=1), None)
    network.close()
    return rates


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.figures import draw_rate_xor

    arms = {arm: load_arm(folder, arm) for arm in (TRAINED, RANDOM, UNTRAINED)}
    training = {arm: arms[arm]["rates_hz"] for arm in (TRAINED, RANDOM)}
    tests = {arm: saved["test_rates_hz"] for arm, saved in arms.items()}
    return draw_rate_xor(training, tests)


REINFORCE_XOR = Experiment(
    "REINFORCE with every neuron as an agent learns XOR of rates in a 60-60-1 network.",
    run_arm,
    "margin min(01, 10) - max(00, 11) of frozen weights, Hz",
    (
        share_above(TRAINED, 0.0, 10 / 12),
        share_above(UNTRAINED, 0.0, 0.0, 0.0),
        share_above(RANDOM, 0.0, 0.0, 2 / 12),
    ),
    arms=(TRAINED, UNTRAINED, RANDOM),
    published="none; an independent program of this project: 42 28 32 30 42 13 38 42 31 41 31 29",
    draw=_draw,
    n_seeds=12,
)
