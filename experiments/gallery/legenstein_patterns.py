"""Legenstein, Pecevski & Maass 2008, simulation 4: a neuron learns to respond to spike timing.

Each output spike is followed 0.3 s later by a pulse of reward, positive if pattern P is shown and
negative if it is N (`spike_patterns`). All seeds run as replicas of one network, 1000 trials of
3 s, in timesteps of 1 ms. About 1 minute for each arm that learns, 2 minutes in all.

Published: task, neuron, background noise, rule and its constants, reward kernel, 1000 trials, and
the outcome (figure 9, six runs, qualitative): equal before, more spikes for P after. Ours: static
synapses in place of depressing ones (every input spikes once in 3 s), the weight limit, 1 ms in
place of 0.1 ms, no axonal delay beyond the timestep, the numbers of the bars.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.arms import load_arm
from threefactor.experiments.claims.experiment import (
    TWIN,
    ArmRequest,
    ArmResult,
    Bar,
    Experiment,
    below,
    share_above,
)
from threefactor.experiments.gallery.spike_patterns import (
    PATTERN_MS,
    START_MS,
    W_LIMIT,
    spike_patterns_spec,
    spike_times_ms,
    trial_steps,
)
from threefactor.rules.rstdp_alpha import AlphaRewardModulatedSTDP
from threefactor.rules.streams import named_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRIALS, TEST_TRIALS, FREE_TRIALS = 1000, 50, 10
TRAINED, RANDOM = "reward by pattern", "reward of random sign"
#: Pattern 0 is P, pattern 1 is N; they alternate.
SIGNS = np.array([1.0, -1.0])
DELAY_MS, TAU_REWARD_MS, PULSE_MS = 300, 100.0, 1000
#: Dopamine rate 3 times mu = 0.0013 of the weight limit, for reward pulses of integral 1.
RULE = AlphaRewardModulatedSTDP(learning_rate=3.0 * 0.0013 * W_LIMIT)


class RewardPulses:
    """Reward that follows output spikes: alpha-shaped pulses of integral 1, after a delay.

    reward(s) = (s - delay)/tau**2*exp(-(s - delay)/tau) at s > delay after a spike, cut after 1 s

    Parameters
    ----------
    replicas : int
    """

    def __init__(self, replicas: int) -> None:
        time = np.arange(PULSE_MS) + 0.5
        pulse = time * np.exp(-time / TAU_REWARD_MS)
        self._pulse = (pulse / pulse.sum())[:, None]
        self._due = np.zeros((DELAY_MS + PULSE_MS, replicas))
        self._now = 0

    def step(self, signed_spikes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the reward of this timestep, (R,), and plan what its spikes will earn."""
        if signed_spikes.any():
            places = (self._now + DELAY_MS + np.arange(PULSE_MS)) % len(self._due)
            self._due[places] += self._pulse * signed_spikes
        reward = self._due[self._now].copy()
        self._due[self._now] = 0.0
        self._now = (self._now + 1) % len(self._due)
        return reward


def run_arm(request: ArmRequest) -> ArmResult:
    """Train one arm, then judge its frozen weights: spikes for P less spikes for N, each seed."""
    training = {} if request.arm == TWIN else _train(request)
    tests, potentials = _test(request, training.get("policy"))
    means = tests.mean(axis=0)
    arrays = {"test_spikes": tests, "potentials_mv": potentials, **training}
    return ArmResult(means[:, 0] - means[:, 1], arrays)


def _train(request: ArmRequest) -> dict[str, NDArray]:
    network, times = request.open_network(spike_patterns_spec(RULE)), spike_times_ms(request.seeds)
    generators = [named_generator(seed, "random reward") for seed in request.seeds]
    rewards = RewardPulses(network.replicas)
    spikes = np.zeros((max(4, round(TRIALS * request.budget)), network.replicas))
    for trial, total in enumerate(spikes):
        pattern = trial % 2
        signs = np.full(network.replicas, SIGNS[pattern])
        if request.arm == RANDOM:
            signs = np.array([generator.choice(SIGNS) for generator in generators])
        for fired in trial_steps(network, times[:, pattern]):
            total += fired
            reward = rewards.step(signs * fired)
            if reward.any():
                network.close_decision()
                network.consolidate(reward)
        if (trial + 1) % 100 == 0:
            shown = spikes[trial - 99 : trial + 1].reshape(50, 2, -1).mean(axis=(0, 2))
            request.say(f"  trial {trial + 1}: {shown[0]:.1f} spikes for P, {shown[1]:.1f} for N")
    weights = network.weights()
    network.close()
    return {"spikes": spikes, **weights}


def _test(request: ArmRequest, weights: NDArray | None) -> tuple[NDArray, NDArray]:
    """Show both patterns to frozen weights.

    Returns
    -------
    spikes : (trials, R, 2)
    potentials : (R, 2, PATTERN_MS)
        Membrane potential while a pattern is shown and the threshold out of reach, mV.
    """
    network, times = request.open_test(spike_patterns_spec(RULE)), spike_times_ms(request.seeds)
    if weights is not None:
        network.replicated("policy.w")[...] = weights
    share = min(1.0, 10 * request.budget)
    spikes = np.zeros((max(1, round(share * TEST_TRIALS / 2)), network.replicas, 2))
    for trial, pattern in np.ndindex(len(spikes), 2):
        spikes[trial, :, pattern] = sum(trial_steps(network, times[:, pattern]))
    network.engine.array("actor.v_threshold")[...] = 0.0
    membrane, trials = network.replicated("actor.v")[:, 0], max(1, round(share * FREE_TRIALS / 2))
    potentials = np.zeros((network.replicas, 2, PATTERN_MS))
    for _, pattern in np.ndindex(trials, 2):
        for step, _ in enumerate(trial_steps(network, times[:, pattern])):
            if START_MS <= step < START_MS + PATTERN_MS:
                potentials[:, pattern, step - START_MS] += 1e3 * membrane / trials
    network.close()
    return spikes, potentials


def _equal(arm: str, bar: float) -> Bar:
    return Bar(
        f"{arm}: within {bar:g} of zero on average over the seeds",
        lambda scores: abs(float(np.mean(scores[arm]))) <= bar,
    )


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.patterns import draw_spike_patterns

    arms = {arm: load_arm(folder, arm) for arm in LEGENSTEIN_PATTERNS.arms}
    training = {arm: saved["spikes"] for arm, saved in arms.items() if arm != TWIN}
    tests = {arm: saved["test_spikes"].mean(axis=0) for arm, saved in arms.items()}
    potentials = {arm: arms[arm]["potentials_mv"][0] for arm in (TWIN, TRAINED)}
    return draw_spike_patterns(training, tests, potentials)


LEGENSTEIN_PATTERNS = Experiment(
    "Reward after each of its spikes, positive for pattern P and negative for N, makes a neuron "
    "spike more for P than for N.",
    run_arm,
    "spikes for P less spikes for N in a trial, frozen weights",
    (
        share_above(TRAINED, 2.5, 1.0),
        below(TWIN, TRAINED),
        _equal(TWIN, 1.0),
        share_above(TWIN, 2.5, 0.0, 0.0),
        share_above(RANDOM, 2.5, 0.0, 0.0),
    ),
    arms=(TRAINED, TWIN, RANDOM),
    published="Legenstein, Pecevski & Maass 2008, figure 9: qualitative, equal before, P > N after",
    draw=_draw,
    n_seeds=10,
)
