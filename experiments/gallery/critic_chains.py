"""A spiking critic finds the values of chains, of any sign and size, with one setting for all.

States follow one another, each shown for 100 ms by five Poisson neurons of 100 Hz; the last one
terminates. Rewards are given, nothing is decided, and the value of every state is known exactly.
What differs between tasks is the environment: rewards, discount, number of states. All seeds run as
replicas of one network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.arms import load_arm
from threefactor.experiments.claims.experiment import (
    ArmRequest,
    ArmResult,
    Experiment,
    at_most,
    halves,
    share_above,
)
from threefactor.models.architectures.actor_critic import ActorCritic
from threefactor.models.architectures.contract import Parts
from threefactor.models.network import Network
from threefactor.models.neurons import EscapeLIF
from threefactor.models.specification import NetworkSpec
from threefactor.rules import RULES
from threefactor.rules.modulators import Host, Reinforcement, ThirdFactor, bind_normalised
from threefactor.rules.modulators.td import TemporalDifference
from threefactor.rules.streams import named_generator
from threefactor.rules.td_critic import CriticDelta

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPISODES, JUDGED = 200, 50
WINDOW_MS, COPIES, RATE_HZ = 100, 5, 100.0
OPPONENTS = ActorCritic(neurons_per_action=1, critic_neurons=50, has_opponents=True)
DIVISIVE = replace(OPPONENTS, is_divisive=True, critic_w_init=2.5)


@dataclass(frozen=True)
class Chain:
    """A task: the reward of every state but the last, that of the last, states, discount."""

    reward: float
    last_reward: float
    states: int
    discount: float

    @property
    def rewards(self) -> NDArray[np.float64]:
        """The reward for leaving each state, (states,)."""
        return np.append(np.full(self.states - 1, self.reward), self.last_reward)

    @property
    def values(self) -> NDArray[np.float64]:
        """The sum of discounted rewards from each state on, (states,)."""
        found, following = np.zeros(self.states), 0.0
        for state in reversed(range(self.states)):
            found[state] = following = self.rewards[state] + self.discount * following
        return found


TASKS = {
    "-1 a step": Chain(-1.0, -1.0, 30, 0.99),
    "+1 a step": Chain(1.0, 1.0, 30, 0.99),
    "10 at the end": Chain(0.0, 10.0, 12, 0.9),
}
UNDIVIDED = "-1 a step, not divided"
NO_OPPONENTS, NO_SCALE = "-1 a step, no opponents", "-1 a step, no scale"
SHUFFLED, UNTRAINED = "-1 a step, shuffled sign", "-1 a step, untrained twin"
CONTROLS = (NO_OPPONENTS, NO_SCALE, SHUFFLED, UNTRAINED)
#: Critics that have not what makes values easy, and the rest as it was before they had it.
CRITICS = {UNDIVIDED: OPPONENTS, NO_OPPONENTS: replace(OPPONENTS, has_opponents=False)}


def chain_spec(states: int, model: ActorCritic = DIVISIVE) -> NetworkSpec:
    """Return the network of a chain: five inputs for each state, a critic, an idle actor."""
    parts = Parts(
        states * COPIES, 1, EscapeLIF(), EscapeLIF(v_slope_mv=8.0),
        RULES["reinforce"](learning_rate=0.0), CriticDelta(learning_rate=0.02, trace_decay=0.9),
    )  # fmt: skip
    return model.build(parts)


def run_arm(request: ArmRequest) -> ArmResult:
    """Run one arm; its score is the error of the values, as a share of the largest."""
    task = TASKS[request.arm.partition(",")[0]]
    network = request.open_network(
        chain_spec(task.states, CRITICS.get(request.arm, DIVISIVE)), request.arm != UNTRAINED
    )
    values, rates_hz = _train(request, task, network)
    network.close()
    late = values[-JUDGED:].mean(axis=0)
    largest = np.abs(task.values).max()
    scores = np.sqrt(np.mean((late - task.values) ** 2, axis=1)) / largest
    arrays = {"values": values, "rates_hz": rates_hz}
    request.say(f"  {_scatter(task, arrays)}")
    return ArmResult(scores, arrays)


def _scatter(task: Chain, arrays: Mapping[str, NDArray]) -> str:
    """Return how much the values of one window scatter at last, and the rate of the critic."""
    late, largest = arrays["values"][-JUDGED:], np.abs(task.values).max()
    return (
        f"values of one window scatter by {late.std(axis=0).mean() / largest:.2f} of the largest; "
        f"critic {arrays['rates_hz'][-JUDGED:].mean():.0f} Hz"
    )


def _train(
    request: ArmRequest, task: Chain, network: Network
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values (episodes, R, states) and mean rates of the critic (episodes, states)."""
    normalise = "none" if request.arm == NO_SCALE else "returns"
    gain = {"full_rate_hz": 50.0} if request.arm in CRITICS else {"value_gain": 1.2}
    settings = TemporalDifference(task.discount, **gain, normalise=normalise)
    modulator = bind_normalised(settings, Host(network.replicas, WINDOW_MS))
    signs = [named_generator(seed, "shuffled signs") for seed in request.seeds]
    everyone, nobody = np.ones(network.replicas, bool), np.zeros(network.replicas, bool)

    def deliver(given: NDArray | ThirdFactor | None) -> None:
        if not isinstance(given, ThirdFactor):
            return
        drawn = [sign.choice([-1.0, 1.0]) for sign in signs]
        scalar = given.scalar * (drawn if request.arm == SHUFFLED else 1.0)
        network.consolidate(scalar, delivers=given.delivers)

    episodes = max(1, round(EPISODES * request.budget))
    values = np.zeros((episodes, network.replicas, task.states))
    rates_hz = np.zeros((episodes, task.states))
    shown = np.repeat(np.eye(task.states), COPIES, axis=1) * RATE_HZ
    counts = network.replicated("critic.spike_count")
    for episode in range(episodes):
        for state, reward in enumerate(task.rewards):
            network.advance(np.broadcast_to(shown[state], network.told.shape), WINDOW_MS)
            values[episode, :, state] = modulator.value(network.values(), None)
            rates_hz[episode, state] = counts.mean() / (WINDOW_MS * 1e-3)
            deliver(modulator.on_window(network.values(), everyone))
            network.close_decision()
            ends = everyone if state == task.states - 1 else nobody
            rewards = np.full(network.replicas, reward)
            deliver(modulator.on_outcome(Reinforcement(rewards, ends, nobody, everyone)))
        network.start_episode(everyone)
        modulator.reset(everyone)
    return values, rates_hz


def _describe(folder: Path) -> dict[str, str]:
    """Return what single windows tell, of the tasks and of the critic that is not divided."""
    arms = (*TASKS, UNDIVIDED)
    return {arm: _scatter(TASKS[arm.partition(",")[0]], load_arm(folder, arm)) for arm in arms}


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.figures import draw_chain_values

    truths = {arm: task.values for arm, task in TASKS.items()}
    return draw_chain_values(truths, {arm: load_arm(folder, arm)["values"] for arm in TASKS})


CRITIC_CHAINS = Experiment(
    "A spiking critic of opponents that are divided by their sum, in units of returns, finds "
    "values of -26 to -1, 1 to 26 and 3 to 10 with the same settings.",
    run_arm,
    "error of the values of the last 50 of 200 episodes, root mean square over states, as a share "
    "of the largest value",
    (
        *(at_most(arm, 0.03) for arm in TASKS),
        halves("-1 a step", UNDIVIDED),
        *(share_above(arm, 0.3, 1.0) for arm in CONTROLS),
    ),
    arms=(*TASKS, UNDIVIDED, *CONTROLS),
    draw=_draw,
    describe=_describe,
)
