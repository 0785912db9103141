"""Izhikevich 2007, figure 1: dopamine seconds later strengthens the one synapse that earned it.

Whenever neuron n2 fires within 20 ms after neuron n1, dopamine rises 1 to 3 s later, while the
network keeps firing at about 1 Hz. The synapse n1 -> n2 starts from zero. Every seed draws a graph
of its own. The yoked control gets dopamine when another seed's network earned it. About 15 minutes
for each arm of 10 seeds, 46 in all; interrupted arms go on from the last 5 minutes of model time.
"""

import heapq
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.arms import load_arm, obtain_each_seed, pair_rows
from threefactor.experiments.claims.experiment import ArmRequest, ArmResult, Experiment, share_above
from threefactor.experiments.gallery.izhikevich_network import (
    N_EXCITATORY,
    W_LIMIT,
    advance,
    fixed_out_degree,
    give_dopamine,
    load_progress,
    network_spec,
    save_progress,
    stack_ragged,
)
from threefactor.models.network import Network
from threefactor.rules.dopamine_stdp import DopamineSTDP
from threefactor.rules.streams import named_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DURATION_S, SAVE_EVERY_S = 3600, 300
PAIR_WITHIN_MS, DELAY_MS, SPREAD_MS = 20, 1000, 2000
REWARD, YOKED, OFF = "reward", "yoked to another seed", "no reward"
RULE = DopamineSTDP()
SATURATED = 0.999 * W_LIMIT


@dataclass
class Progress:
    """What the host knows beside the network.

    Attributes
    ----------
    due : heap of (step, replica)
        Rewards to come.
    last_n1 : list of R ints
        Step of the last spike of n1.
    rewards, weights : lists of R lists
        Times of the rewards (s); weight of the watched synapse after each second.
    spikes : (R,)
        Number of spikes of excitatory neurons.
    """

    generators: list[np.random.Generator]
    due: list[tuple[int, int]] = field(default_factory=list)
    last_n1: list[int] = field(default_factory=list)
    rewards: list[list[float]] = field(default_factory=list)
    weights: list[list[float]] = field(default_factory=list)
    spikes: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


def run_arm(request: ArmRequest) -> ArmResult:
    """Run one arm: the highest weight that the watched synapse of each seed reached."""
    earned = yoked_rewards(request) if request.arm == YOKED else {}
    seeds = obtain_each_seed(partial(_run_seed, earned), request)
    arrays = {
        name: np.concatenate([seed[name] for seed in seeds])
        for name in ("weights", "rate_hz", "strong_share")
    }
    scores = np.concatenate([seed["scores"] for seed in seeds])
    return ArmResult(scores, {**arrays, "rewards_s": pair_rows(seeds, "rewards_s")})


def yoked_rewards(request: ArmRequest) -> dict[int, NDArray[np.float64]]:
    """Return the times (s) at which the next seed's network earned dopamine, for each seed."""
    if len(request.seeds) < 2:
        raise ValueError(f"{YOKED}: needs the rewards of another seed; ask for 2 seeds or more.")
    replica, times = load_arm(request.folder.parent, REWARD)["rewards_s"].T
    count = len(request.seeds)
    return {seed: times[replica == (k + 1) % count] for k, seed in enumerate(request.seeds)}


def _run_seed(earned: dict[int, NDArray[np.float64]], request: ArmRequest) -> ArmResult:
    """Run one seed's network; `earned` holds the times of the rewards of yoked ones."""
    wiring = fixed_out_degree(named_generator(request.seeds[0], "graph"))
    network = request.open_network(network_spec(wiring, RULE))
    network.engine.record(["excitatory"], [], 1)
    watched = _watched_synapses(network, request.seeds)
    rows = np.arange(network.replicas)
    network.replicated("ee.w")[rows, watched] = 0.0
    seconds = max(2, round(DURATION_S * request.budget))
    progress = load_progress(request, network, _start(request.seeds, earned))
    for second in range(len(progress.weights[0]), seconds):
        _run_second(network, progress, watched, request.arm == REWARD)
        if (second + 1) % SAVE_EVERY_S == 0:
            save_progress(request, network, progress)
            now = " ".join(f"{row[-1]:.2f}" for row in progress.weights)
            request.say(f"  {second + 1} s: weight of the watched synapse {now}")
    weights = np.array(progress.weights)
    _say_outcome(request, progress, weights)
    strong = [(network.replicated(f"{name}.w") >= 0.95 * W_LIMIT) for name in ("ee", "ei")]
    arrays = {
        "weights": weights, "rewards_s": stack_ragged(progress.rewards),
        "rate_hz": progress.spikes / (N_EXCITATORY * seconds),
        "strong_share": np.concatenate(strong, axis=1).mean(axis=1),
    }  # fmt: skip
    network.close()
    return ArmResult(weights.max(axis=1), arrays)


def _watched_synapses(network: Network, seeds: tuple[int, ...]) -> NDArray[np.int_]:
    """Return the synapse n1 -> n2 of each replica, drawn by its seed; no autapse."""
    ee = network.spec.projections[0]
    candidates = np.flatnonzero(ee.pre != ee.post)
    return np.array([named_generator(seed, "watched").choice(candidates) for seed in seeds])


def _start(seeds: tuple[int, ...], earned: dict[int, NDArray[np.float64]]) -> Progress:
    """Return the state before the first step; the yoked control knows all its rewards already."""
    count = len(seeds)
    generators = [named_generator(seed, "delays") for seed in seeds]
    progress = Progress(
        generators, [], [-PAIR_WITHIN_MS] * count, [[] for _ in range(count)],
        [[] for _ in range(count)], np.zeros(count),
    )  # fmt: skip
    for replica, seed in enumerate(seeds):
        for time_s in earned.get(seed, ()):
            heapq.heappush(progress.due, (round(time_s * 1000), replica))
    return progress


def _run_second(
    network: Network, progress: Progress, watched: NDArray[np.int_], is_rewarded: bool
) -> None:
    """Simulate to the next full second, cut where a reward is due, and detect pairs.

    A reward comes at least a second after its pair, so detection may wait for the end of a cut.
    """
    end = network.engine.timestep + 1000
    while network.engine.timestep < end:
        step = network.engine.timestep
        stop = min(end, progress.due[0][0]) if progress.due else end
        advance(network, stop - step)
        progress.spikes += network.replicated("excitatory.spike_count").sum(axis=1)
        for when, replica in _pairs(network, progress, watched):
            if is_rewarded:
                delay = DELAY_MS + int(np.ceil(SPREAD_MS * progress.generators[replica].random()))
                heapq.heappush(progress.due, (when + 1 + delay, replica))
        earned = []
        while progress.due and progress.due[0][0] <= stop:
            earned.append(heapq.heappop(progress.due)[1])
            progress.rewards[earned[-1]].append(stop / 1000)
        if earned:
            give_dopamine(network, earned)
    now = network.replicated("ee.w")[np.arange(network.replicas), watched]
    for row, weight in zip(progress.weights, now, strict=True):
        row.append(float(weight))


def _pairs(
    network: Network, progress: Progress, watched: NDArray[np.int_]
) -> list[tuple[int, int]]:
    """Return (step of n2's spike, replica) of every pair among the spikes since the last call."""
    recorded = network.engine.drain()
    steps, neurons = recorded["excitatory.step"], recorded["excitatory.neuron"]
    ee, found = network.spec.projections[0], []
    for replica, synapse in enumerate(watched):
        first = replica * N_EXCITATORY
        n1, n2 = first + ee.pre[synapse], first + ee.post[synapse]
        chosen = np.flatnonzero((neurons == n1) | (neurons == n2))
        # Where both fire in one step, n1 counts first and there is no pair.
        for step, is_n2 in sorted((int(steps[k]), neurons[k] == n2) for k in chosen):
            if not is_n2:
                progress.last_n1[replica] = step
            elif 0 < step - progress.last_n1[replica] < PAIR_WITHIN_MS:
                found.append((step, replica))
    return found


def _say_outcome(request: ArmRequest, progress: Progress, weights: NDArray) -> None:
    for seed, row, rewards in zip(request.seeds, weights, progress.rewards, strict=True):
        reached = np.flatnonzero(row > SATURATED)
        when = f"saturated at {reached[0] + 1} s" if reached.size else "never saturated"
        request.say(f"  seed {seed}: {when}, peak {row.max():.2f}, {len(rewards)} rewards")


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.figures import draw_distal_reward

    arms = {arm: load_arm(folder, arm) for arm in (REWARD, YOKED, OFF)}
    return draw_distal_reward(arms, W_LIMIT)


IZHIKEVICH_DISTAL_REWARD = Experiment(
    "Dopamine 1 to 3 s after n1 fired before n2 drives the synapse n1 -> n2 from zero to its limit "
    "within an hour; dopamine when another network earned it does not.",
    run_arm,
    "highest weight of the watched synapse (limit 4)",
    (
        share_above(REWARD, SATURATED, 0.9),
        share_above(YOKED, SATURATED, 0.0, 0.1),
        share_above(OFF, SATURATED, 0.0, 0.1),
    ),
    arms=(REWARD, YOKED, OFF),
    published="Izhikevich 2007, figure 1: the synapse reaches 4 within about an hour",
    draw=_draw,
    n_seeds=10,
)
