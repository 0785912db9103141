"""Florian 2007: a reward for each output spike teaches a network with a hidden layer XOR of rates.

All seeds run as replicas of one network, 400 s of model time. About 5 minutes on 2 idle cores.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from threefactor.experiments.claims.arms import load_arm
from threefactor.experiments.claims.experiment import (
    ArmRequest,
    ArmResult,
    Bar,
    Experiment,
    share_above,
)
from threefactor.experiments.gallery.rate_xor import (
    Reward,
    is_solved,
    order_generators,
    random_reward,
    show_epochs,
    target_reward,
    xor_network_spec,
)
from threefactor.models.neurons.contract import NeuronModel, check_ascending
from threefactor.rules.contract import Rule
from threefactor.rules.rstdp import RewardModulatedSTDP
from threefactor.rules.rstdp_et import RewardModulatedSTDPWithEligibility

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS, TEST_EPOCHS = 200, 10
MSTDPET, MSTDP = "MSTDPET", "MSTDP"
UNTRAINED, RANDOM, RETEST = "untrained twin", "random reward", "MSTDPET frozen"
RULES: dict[str, Rule] = {
    MSTDPET: RewardModulatedSTDPWithEligibility(learning_rate=0.625, tau_eligibility_ms=25.0),
    MSTDP: RewardModulatedSTDP(learning_rate=0.1),
}


@dataclass(frozen=True)
class FlorianLIF(NeuronModel):
    """Leaky integrate and fire in the paper's discrete time: w arrives whole, one timestep late.

    Equations
    ---------
    v(t) = v_rest + (v(t - dt) - v_rest)*exp(-dt/tau_membrane) + sum of w*mV over spikes at t - dt
    v >= v_threshold: spike, then v = v_reset

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Membrane time constant, ms, > 0.
    v_rest_mv : float, default -70.0
        Resting potential, mV.
    v_reset_mv : float, default -70.0
        Potential after a spike, mV, < v_threshold_mv.
    v_threshold_mv : float, default -54.0
        Threshold, mV.

    State
    -----
    v : (n,), volt
        Starts at v_rest.
    arriving : (n,), volt
        Input of this timestep, added at the next one, after the decay.

    Limits
    ------
    Unlike ``lif``, a weight does not decay on its way and input in the step of a spike is not lost.

    Source
    ------
    Florian 2007, Neural Comput. 19:1468, eq. 4.1.
    """

    tau_membrane_ms: float = 20.0
    v_rest_mv: float = -70.0
    v_reset_mv: float = -70.0
    v_threshold_mv: float = -54.0

    equations = """
    dv/dt = (v_rest - v)/tau_membrane : volt
    arriving : volt
    """
    integrate = """
    v += arriving
    arriving = 0*mV
    """
    threshold = "v >= v_threshold"
    reset = "v = v_reset"
    ports = {"current": "arriving += w*mV"}
    initial = {"v": "v_rest"}

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_ascending(self, "v_reset_mv", "v_threshold_mv")


def run_arm(request: ArmRequest) -> ArmResult:
    """Run one arm; its score is the share of the judged epochs that solve XOR."""
    rule = RULES.get(request.arm, RULES[MSTDPET])
    if request.arm in (UNTRAINED, RETEST):
        return _test(request, rule)
    reward = random_reward(request.seeds) if request.arm == RANDOM else target_reward
    return _train(request, rule, reward)


def _train(request: ArmRequest, rule: Rule, reward: Reward) -> ArmResult:
    network = request.open_network(xor_network_spec(rule, FlorianLIF()))
    epochs, chunks = max(1, round(EPOCHS * request.budget)), []
    orders = order_generators(request.seeds, purpose=0)
    for start in range(0, epochs, 20):
        chunks.append(show_epochs(network, min(20, epochs - start), orders, reward))
        solved = int(is_solved(chunks[-1][-1]).sum())
        request.say(f"  epoch {start + len(chunks[-1])}: {solved} of {network.replicas} solve it")
    rates, weights = np.concatenate(chunks), network.weights()
    network.close()
    return ArmResult(is_solved(rates[-1]).astype(float), {"rates_hz": rates, **weights})


def _test(request: ArmRequest, rule: Rule) -> ArmResult:
    """Judge frozen weights: the initial ones, or those that MSTDPET found."""
    network = request.open_test(xor_network_spec(rule, FlorianLIF()))
    if request.arm == RETEST:
        learned = load_arm(request.folder.parent, MSTDPET)
        for projection in network.spec.projections:
            network.replicated(f"{projection.name}.w")[...] = learned[projection.name]
    rates = show_epochs(network, TEST_EPOCHS, order_generators(request.seeds, purpose=1), None)
    network.close()
    return ArmResult(is_solved(rates).mean(axis=0), {"rates_hz": rates})


def _mean_at_least(arm: str, bar: float) -> Bar:
    return Bar(
        f"{arm}: at least {bar:g} on average over the seeds",
        lambda scores: float(np.mean(scores[arm])) >= bar,
    )


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.figures import draw_rate_xor

    training = {arm: load_arm(folder, arm)["rates_hz"] for arm in (MSTDPET, MSTDP, RANDOM)}
    tests = {arm: load_arm(folder, arm)["rates_hz"] for arm in (UNTRAINED, RETEST)}
    return draw_rate_xor(training, tests)


FLORIAN_RATE_XOR = Experiment(
    "Reward-modulated STDP (MSTDP, MSTDPET) teaches a 60-60-1 network XOR of rates; only MSTDPET "
    "keeps it when the weights are frozen.",
    run_arm,
    "share of judged epochs with rate(11) below rate(01) and rate(10) "
    "(while learning: the last epoch; frozen: 10 more)",
    (
        share_above(MSTDPET, 0.5, 0.9),
        share_above(MSTDP, 0.5, 0.9),
        share_above(UNTRAINED, 0.5, 0.0, 0.05),
        share_above(RANDOM, 0.5, 0.0, 1 / 3),  # three rates without any order pass on a third
        _mean_at_least(RETEST, 0.85),
    ),
    arms=(MSTDPET, MSTDP, UNTRAINED, RANDOM, RETEST),
    published="Florian 2007, 1000 runs: MSTDPET 98.2 %, MSTDP 99.1 %",
    draw=_draw,
    n_seeds=20,
)
