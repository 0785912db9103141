"""Fremaux, Sprekeler & Gerstner 2010: rules with an unsupervised bias need a critic, R-max none.

The mean weight change of a rule dw = S*H (third factor S, eligibility H) is Cov(S, H) + <S><H>: the
first term learns, the second is unsupervised. It vanishes if <H> = 0, which the score of R-max has
by construction, or if <S> = 0 for every stimulus, which takes a baseline (critic) for each. With
one running mean for two stimuli whose rewards differ by 2, <S> is -1 and +1.

All seeds run as replicas of one network, 4000 trials of 0.5 s. About 20 s for an arm, 2 minutes in
all.

Published (abstract, qualitative): reward-modulated STDP learns several stimuli only if the expected
reward is subtracted for each of them; R-max learns with any baseline. Ours, because the paper's
constants could not be read: the task (`two_stimuli`; the paper compares output spike trains with a
target), SRM0 constants of the 2013 paper, symmetric STDP (A- = A+), learning rates, all numbers.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.plastic.controls import Shuffled
from threefactor.experiments.claims.arms import load_arm
from threefactor.experiments.claims.experiment import ArmRequest, ArmResult, Experiment, share_above
from threefactor.experiments.gallery.two_stimuli import (
    PATTERN_MS,
    REWARD_OFFSETS,
    order,
    pattern_rates,
    show,
    two_stimuli_spec,
)
from threefactor.rules.contract import Rule
from threefactor.rules.modulators import Host, Reinforcement
from threefactor.rules.modulators.reward_baseline import RewardBaseline
from threefactor.rules.rmax import RMax
from threefactor.rules.rstdp_et import RewardModulatedSTDPWithEligibility

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRIALS, TEST_TRIALS, CHUNK = 4000, 100, 500
TAU_ELIGIBILITY_MS = 500.0
RMAX = RMax(learning_rate=0.05, tau_eligibility_ms=TAU_ELIGIBILITY_MS)
RSTDP = RewardModulatedSTDPWithEligibility(
    learning_rate=20.0, tau_eligibility_ms=TAU_ELIGIBILITY_MS
)
RSTDP_COMMON, RSTDP_STIMULUS = "R-STDP common mean", "R-STDP stimulus mean"
RMAX_COMMON, RMAX_STIMULUS = "R-max common mean", "R-max stimulus mean"
UNTRAINED, SHUFFLED = "untrained twin", "R-max shuffled reward"
#: Arm -> rule and scope of the baseline.
ARMS: dict[str, tuple[Rule, str]] = {
    RMAX_STIMULUS: (RMAX, "stimulus"),
    RMAX_COMMON: (RMAX, "replica"),
    RSTDP_STIMULUS: (RSTDP, "stimulus"),
    RSTDP_COMMON: (RSTDP, "replica"),
    UNTRAINED: (RMAX, "stimulus"),
    SHUFFLED: (RMAX, "stimulus"),
}
#: Trials over which the two terms are measured: the baseline has settled, weights hardly moved.
EARLY = slice(20, 220)


def run_arm(request: ArmRequest) -> ArmResult:
    """Train one arm, then judge its frozen weights: share of right answers of each seed."""
    training = {} if request.arm == UNTRAINED else _train(request)
    right, shown = _test(request, training.get("policy"))
    return ArmResult(right.mean(axis=0), {"test_right": right, "test_stimuli": shown, **training})


def _train(request: ArmRequest) -> dict[str, NDArray]:
    rule, scope = ARMS[request.arm]
    network, patterns = request.open_network(two_stimuli_spec(rule)), pattern_rates(request.seeds)
    host = Host(network.replicas, PATTERN_MS, n_stimuli=2)
    baseline = RewardBaseline(rate=0.02, scope=scope).bind(host)
    control = Shuffled([seed + 1 for seed in request.seeds], size=100)
    everyone = np.ones(network.replicas, bool)
    trials = max(20, round(TRIALS * request.budget))
    stimuli = order(request.seeds, trials, purpose="training order")
    right = np.zeros(stimuli.shape, bool)
    third_factors, eligibilities = np.zeros(stimuli.shape), np.zeros(stimuli.shape)
    for trial, shown in enumerate(stimuli):
        right[trial] = show(network, patterns, shown)
        network.close_decision()
        rewards = right[trial] + REWARD_OFFSETS[shown]
        reinforcement = Reinforcement(rewards, ~everyone, ~everyone, everyone, stimuli=shown)
        third_factor = baseline.on_outcome(reinforcement)
        if request.arm == SHUFFLED:
            third_factor = control(third_factor, everyone)
        eligibilities[trial] = network.replicated("policy.trace").mean(axis=1)
        network.consolidate(third_factor)
        third_factors[trial] = third_factor
        if (trial + 1) % CHUNK == 0:
            share = right[trial + 1 - CHUNK : trial + 1].mean()
            request.say(f"  trial {trial + 1}: {share:.0%} right")
    weights = network.weights()
    network.close()
    return {
        "right": right, "stimuli": stimuli, "third_factors": third_factors,
        "eligibilities": eligibilities, **weights,
    }  # fmt: skip


def _test(request: ArmRequest, weights: NDArray | None) -> tuple[NDArray, NDArray]:
    """Return right answers and stimuli of frozen weights, (trials, R) each."""
    spec = two_stimuli_spec(ARMS[request.arm][0])
    network, patterns = request.open_test(spec), pattern_rates(request.seeds)
    if weights is not None:
        network.replicated("policy.w")[...] = weights
    stimuli = order(request.seeds, TEST_TRIALS, purpose="test order")
    right = np.array([show(network, patterns, shown) for shown in stimuli])
    network.close()
    return right, stimuli


def terms(arm: dict[str, NDArray]) -> NDArray[np.float64]:
    """Return Cov(S, H) and <S><H> early in training, in units of the sd of H.

    H is the eligibility at the reward, averaged over the synapses.

    Returns
    -------
    (2, 2, R): term, stimulus, seed; zero where a stimulus was shown less than twice
    """
    stimuli, third_factors, eligibilities = (
        arm[name][EARLY] if len(arm[name]) > EARLY.stop else arm[name]
        for name in ("stimuli", "third_factors", "eligibilities")
    )
    found = np.zeros((2, 2, stimuli.shape[1]))
    for stimulus, seed in np.ndindex(found.shape[1:]):
        chosen = stimuli[:, seed] == stimulus
        s, h = third_factors[chosen, seed], eligibilities[chosen, seed]
        if chosen.sum() > 1 and h.std() > 0:
            product = s.mean() * h.mean()
            found[:, stimulus, seed] = np.array([(s * h).mean() - product, product]) / h.std()
    return found


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.patterns import draw_bias

    arms = {arm: load_arm(folder, arm) for arm in ARMS if arm != UNTRAINED}
    learning = {arm: (saved["right"], saved["stimuli"]) for arm, saved in arms.items()}
    measured = {arm: terms(saved) for arm, saved in arms.items() if arm != SHUFFLED}
    return draw_bias(learning, measured)


RMAX_BIAS = Experiment(
    "With rewards that differ by stimulus, R-STDP needs a baseline for each stimulus and R-max "
    "does not.",
    run_arm,
    "share of right answers of frozen weights (chance 0.5)",
    (
        share_above(RMAX_STIMULUS, 0.8, 1.0),
        share_above(RMAX_COMMON, 0.8, 1.0),
        share_above(RSTDP_STIMULUS, 0.8, 0.9),
        share_above(RSTDP_COMMON, 0.5, 0.0, 0.0),
        share_above(UNTRAINED, 0.8, 0.0, 0.0),
        share_above(SHUFFLED, 0.8, 0.0, 0.1),
    ),
    arms=tuple(ARMS),
    published="Fremaux, Sprekeler & Gerstner 2010: qualitative, this pattern of success",
    draw=_draw,
    n_seeds=10,
)
