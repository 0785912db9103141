"""Izhikevich 2007, figure 2: of 100 stimuli, the one that dopamine follows grows in effect.

Every 100 to 300 ms one of 100 random sets of 50 neurons receives a pulse. After one of the sets
dopamine rises within a second, while other stimuli intervene. Every seed draws a graph of its own.
About 14 minutes for each arm of 10 seeds, 42 in all; interrupted arms go on from the last 5 minutes
of model time.

Connections (10 % of all pairs), stimuli and times are those of the GeNN port of this figure, the
plasticity that of daspnet.m without tonic dopamine. The response ends as a burst of the whole
network; the published picture shows a moderate growth.
"""

import heapq
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.arms import load_arm, obtain_each_seed, pair_rows
from threefactor.experiments.claims.experiment import (
    ArmRequest,
    ArmResult,
    Bar,
    Experiment,
    share_above,
)
from threefactor.experiments.gallery.izhikevich_network import (
    N_EXCITATORY,
    N_NEURONS,
    advance,
    fixed_probability,
    give_dopamine,
    load_progress,
    network_spec,
    outgoing_weights,
    save_progress,
)
from threefactor.models.network import Network
from threefactor.rules.dopamine_stdp import DopamineSTDP
from threefactor.rules.streams import named_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DURATION_S, SAVE_EVERY_S = 3600, 300
N_STIMULI, STIMULUS_SIZE, STIMULUS_MV = 100, 50, 40.0
PAUSE_MS, REWARD_WITHIN_MS, RESPONSE_MS = (100, 300), 1000, 30
REWARD, OTHERS, RANDOM, OFF = "reward", "reward: other stimuli", "random reward", "no reward"
RULE = DopamineSTDP(tonic=0.0)
STIMULUS, RESPONSE, DOPAMINE = 0, 1, 2


@dataclass
class Progress:
    """What the host knows beside the network.

    Attributes
    ----------
    agenda : heap of (step, kind, replica, value)
        What is to come: a stimulus (value: which), the end of a response (value: which stimulus
        and the spike count at its start), dopamine.
    spikes : (R,)
        Spikes of all neurons so far.
    responses : list of (replica, time in s, stimulus, spikes)
    rewards : list of (replica, time in s)
    weights : list of (2, R)
        Mean outgoing weight of stimulus 0's excitatory neurons and of all, once a minute.
    """

    generators: list[np.random.Generator]
    agenda: list[tuple[int, int, int, tuple[float, ...]]]
    spikes: NDArray[np.float64]
    responses: list[tuple[int, float, int, float]]
    rewards: list[tuple[int, float]]
    weights: list[NDArray[np.float64]]


def run_arm(request: ArmRequest) -> ArmResult:
    """Run one arm: the response in the last sixth relative to that of all stimuli at the start."""
    if request.arm == OTHERS:
        rewarded = load_arm(request.folder.parent, REWARD)
        return ArmResult(growth(rewarded, is_rewarded_stimulus=False))
    seeds = obtain_each_seed(_run_seed, request)
    arrays = {name: pair_rows(seeds, name) for name in ("responses", "rewards_s")}
    arrays["weights"] = np.concatenate([seed["weights"] for seed in seeds], axis=2)
    arrays["duration_s"] = seeds[0]["duration_s"]
    return ArmResult(np.concatenate([seed["scores"] for seed in seeds]), arrays)


def _run_seed(request: ArmRequest) -> ArmResult:
    """Run one seed's network."""
    wiring = fixed_probability(named_generator(request.seeds[0], "graph"))
    network = request.open_network(network_spec(wiring, RULE))
    sets = stimulus_sets(request.seeds)
    seconds = max(12, round(DURATION_S * request.budget))
    progress = load_progress(request, network, _start(request.seeds))
    while network.engine.timestep < seconds * 1000:
        _run_minute(network, progress, sets, request.arm, seconds * 1000)
        if network.engine.timestep % (SAVE_EVERY_S * 1000) == 0:
            save_progress(request, network, progress)
            now = " ".join(f"{weight:.2f}" for weight in progress.weights[-1][0])
            seconds_done = network.engine.timestep // 1000
            request.say(f"  {seconds_done} s: mean weight from the rewarded stimulus {now}")
    arrays = {
        "responses": np.array(progress.responses), "weights": np.array(progress.weights),
        "rewards_s": np.array(progress.rewards).reshape(-1, 2), "duration_s": np.array(seconds),
    }  # fmt: skip
    scores = growth({**arrays, "seeds": np.array(request.seeds)}, is_rewarded_stimulus=True)
    network.close()
    return ArmResult(scores, arrays)


def stimulus_sets(seeds: tuple[int, ...]) -> NDArray[np.int_]:
    """Return the neurons of each stimulus, excitatory ones counted first, (R, 100, 50)."""
    generators = [named_generator(seed, "stimuli") for seed in seeds]
    return np.array([
        [generator.choice(N_NEURONS, STIMULUS_SIZE, replace=False) for _ in range(N_STIMULI)]
        for generator in generators
    ])  # fmt: skip


def growth(arrays: dict[str, NDArray], is_rewarded_stimulus: bool) -> NDArray[np.float64]:
    """Return each seed's mean response in the last sixth over that to all in the first twelfth."""
    replica, time_s, stimulus, spikes = arrays["responses"].T
    duration = float(arrays["duration_s"])
    late = (time_s > duration * 5 / 6) & ((stimulus == 0) == is_rewarded_stimulus)
    early = time_s < duration / 12
    scores = []
    for k in range(len(arrays["seeds"])):
        mine = replica == k
        shown = mine & late
        # Tiny budgets may never show the stimulus late.
        after = spikes[shown].mean() if shown.any() else np.nan
        scores.append(after / spikes[mine & early].mean())
    return np.nan_to_num(np.array(scores))


def _start(seeds: tuple[int, ...]) -> Progress:
    generators = [named_generator(seed, "agenda") for seed in seeds]
    progress = Progress(generators, [], np.zeros(len(seeds)), [], [], [])
    for replica in range(len(seeds)):
        _plan_stimulus(progress, 0, replica)
    return progress


def _plan_stimulus(progress: Progress, step: int, replica: int) -> None:
    generator = progress.generators[replica]
    pause = int(generator.integers(PAUSE_MS[0], PAUSE_MS[1] + 1))
    which = float(generator.integers(N_STIMULI))
    heapq.heappush(progress.agenda, (step + pause, STIMULUS, replica, (which,)))


def _run_minute(
    network: Network, progress: Progress, sets: NDArray, arm: str, last_step: int
) -> None:
    """Simulate to the next full minute, from one entry of the agenda to the next."""
    end = min(last_step, (network.engine.timestep // 60_000 + 1) * 60_000)
    while network.engine.timestep < end:
        step = network.engine.timestep
        stop = min(end, progress.agenda[0][0])
        if stop > step:
            progress.spikes += advance(network, stop - step)
        while progress.agenda and progress.agenda[0][0] <= stop:
            _, kind, replica, value = heapq.heappop(progress.agenda)
            if kind == DOPAMINE:
                give_dopamine(network, [replica])
                progress.rewards.append((replica, stop / 1000))
            elif kind == RESPONSE:
                spikes = progress.spikes[replica] - value[1]
                progress.responses.append((replica, stop / 1000, int(value[0]), spikes))
            else:
                _stimulate(network, progress, sets, (stop, replica, int(value[0])), arm)
    starting = [chosen[chosen < N_EXCITATORY] for chosen in sets[:, 0]]
    everyone = [np.arange(N_EXCITATORY)] * network.replicas
    means = [outgoing_weights(network, neurons) for neurons in (starting, everyone)]
    progress.weights.append(np.array(means))


def _stimulate(
    network: Network, progress: Progress, sets: NDArray, event: tuple[int, int, int], arm: str
) -> None:
    """Pulse the neurons of a stimulus and plan what follows: response, dopamine, next stimulus."""
    step, replica, which = event
    chosen = sets[replica, which]
    excitatory = chosen[chosen < N_EXCITATORY]
    network.replicated("excitatory.current")[replica, excitatory] += STIMULUS_MV * 1e-3
    inhibitory = chosen[chosen >= N_EXCITATORY] - N_EXCITATORY
    network.replicated("inhibitory.current")[replica, inhibitory] += STIMULUS_MV * 1e-3
    response = (float(which), progress.spikes[replica])
    heapq.heappush(progress.agenda, (step + RESPONSE_MS, RESPONSE, replica, response))
    # One generator in one order: every arm gets the same stimuli at the same times.
    generator = progress.generators[replica]
    delay, lot = int(generator.integers(REWARD_WITHIN_MS + 1)), int(generator.integers(N_STIMULI))
    is_due = {REWARD: which == 0, RANDOM: lot == 0, OFF: False}[arm]
    if is_due:
        heapq.heappush(progress.agenda, (step + delay, DOPAMINE, replica, ()))
    _plan_stimulus(progress, step, replica)


def _times_others(bar: float) -> Bar:
    return Bar(
        f"{REWARD}: at least {bar:g} times the response to the other stimuli on every seed",
        lambda scores: bool(np.all(scores[REWARD] >= bar * scores[OTHERS])),
    )


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.figures import draw_pavlovian

    arms = {arm: load_arm(folder, arm) for arm in (REWARD, RANDOM, OFF)}
    return draw_pavlovian(arms)


IZHIKEVICH_PAVLOVIAN = Experiment(
    "Dopamine within a second of one stimulus out of 100 makes the response to that one grow.",
    run_arm,
    "response (spikes in 30 ms) in the last sixth, relative to that of all stimuli at the start",
    (
        _times_others(5.0),
        share_above(OTHERS, 1.5, 0.0, 0.0),
        share_above(RANDOM, 1.5, 0.0, 0.0),
        share_above(OFF, 1.2, 0.0, 0.0),
    ),
    arms=(REWARD, OTHERS, RANDOM, OFF),
    published="Izhikevich 2007, figure 2: qualitative, the rewarded stimulus alone grows",
    draw=_draw,
    n_seeds=10,
)
