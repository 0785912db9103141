"""Fremaux et al. 2013: a spiking critic learns by TD-LTP what is to come on a linear track.

The TD error is computed by a neuron of the network from the critic's spikes and broadcast back in
every timestep (`models.specification.Modulation`). It is silent for the first 0.5 s, while the
filters fill. The host moves the animal and makes the last TD error of a trial reward minus value,
whatever the network's own was. All seeds run as replicas of
one network, 1500 s of model time, about 4 minutes for each learning arm.

20 m at 2 m/s, place cells 1 m apart, reward 100 at the end, where the trial stops. The published
article has a maze; the track, its numbers and the learning rate are ours.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.claims.arms import load_arm
from threefactor.experiments.claims.experiment import ArmRequest, ArmResult, Bar, Experiment
from threefactor.models.network import Network
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.neurons.escape import SRM0
from threefactor.models.neurons.td_error import TDError
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Normal,
    Population,
    Projection,
    all_to_all,
)
from threefactor.rules.streams import named_generator
from threefactor.rules.td_ltp import ContinuousTemporalDifferenceLTP

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TD_LTP, CORRELATION = "TD-LTP", "TD-LTP correlation"
SHUFFLED, UNTRAINED = "sign-shuffled TD error", "untrained twin"
TRIALS, JUDGED = 150, 10
LENGTH_M, SPEED_M_S, REWARD = 20.0, 2.0, 100.0
CHUNK_MS = 10
CHUNKS = round(LENGTH_M / SPEED_M_S * 1000) // CHUNK_MS
SILENT_CHUNKS = 500 // CHUNK_MS
CENTRES_M, FIELD_M, PEAK_HZ = np.arange(-1.0, LENGTH_M + 1.5), 2.0, 400.0
N_CRITICS = 100
TD = TDError(silent_ms=float(SILENT_CHUNKS * CHUNK_MS))
RULE = ContinuousTemporalDifferenceLTP(learning_rate=3e-5)


def track_spec() -> NetworkSpec:
    """Return place cells -> critic -> TD error -> third factor of the critic."""
    everyone = all_to_all(1, N_CRITICS)
    return NetworkSpec(
        (
            Population("input", CENTRES_M.size, PoissonInput()),
            Population("critic", N_CRITICS, SRM0()),
            Population("td", 1, TD),
        ),
        (
            Projection(
                "value", "input", "critic", **all_to_all(CENTRES_M.size, N_CRITICS),
                weights=Normal(0.5, 0.1), w_min=0.0, w_max=3.0, rule=RULE,
            ),
            Projection(
                "readout", "critic", "td", **all_to_all(N_CRITICS, 1),
                weights=np.full(N_CRITICS, 1 / N_CRITICS),
            ),
        ),
        output="critic",
        modulations=(Modulation("broadcast", "td", "critic", "td_error", **everyone),),
    )  # fmt: skip


def true_value(time_s: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the value of being on the track at a time: R*exp(-(T - t)/tau_reward)."""
    remaining_ms = 1e3 * (LENGTH_M / SPEED_M_S - time_s)
    return REWARD * np.exp(-remaining_ms / TD.tau_reward_ms)


def judged_times_s() -> NDArray[np.floating]:
    """Return the times at which values are compared: from 0.5 s to the end."""
    return np.arange(SILENT_CHUNKS, CHUNKS) * CHUNK_MS * 1e-3 + CHUNK_MS * 1e-3


def run_arm(request: ArmRequest) -> ArmResult:
    """Run one arm; its score is the RMSE of the last trials' mean value, or the correlation."""
    if request.arm == CORRELATION:
        values = load_arm(request.folder.parent, TD_LTP)["values"]
        return ArmResult(np.array([_correlation(row) for row in _late(values)]))
    values, weights = _train(request)
    errors = _late(values) - true_value(judged_times_s())
    scores = np.sqrt(np.mean(errors**2, axis=1))
    return ArmResult(scores, {"values": values, "weights": weights})


def _train(request: ArmRequest) -> tuple[NDArray, NDArray]:
    """Return values (trials, R, chunks) and the weights at the end (R, n_synapses)."""
    is_learning = request.arm != UNTRAINED
    network = request.open_network(track_spec(), is_learning)
    signs = [named_generator(seed, "shuffled signs") for seed in request.seeds]
    trials = max(1, round(TRIALS * request.budget)) if is_learning else JUDGED
    values = np.zeros((trials, network.replicas, CHUNKS))
    for trial in range(trials):
        values[trial] = _run_trial(network, signs if request.arm == SHUFFLED else None)
        if (trial + 1) % 25 == 0:
            error = values[trial][:, SILENT_CHUNKS:] - true_value(judged_times_s())
            request.say(f"  trial {trial + 1}: RMSE {np.sqrt(np.mean(error**2)):.1f}")
    weights = network.weights()["value"]
    network.close()
    return values, weights


def _run_trial(network: Network, signs: list[np.random.Generator] | None) -> NDArray[np.float64]:
    """Move along the track once; return the values (R, chunks) at the end of each chunk."""
    td = {name: network.replicated(f"td.{name}") for name in ("value", "reward")}
    broadcast = network.replicated("broadcast.weight")
    network.start_episode(np.ones(network.replicas, bool))
    values = np.zeros((network.replicas, CHUNKS))
    for chunk in range(CHUNKS):
        if signs is not None:
            broadcast[...] = np.array([[sign.choice([-1.0, 1.0])] for sign in signs])
        position = SPEED_M_S * CHUNK_MS * 1e-3 * (chunk + 0.5)
        rates = PEAK_HZ * np.exp(-(((position - CENTRES_M) / FIELD_M) ** 2))
        network.advance(np.broadcast_to(rates, (network.replicas, rates.size)), CHUNK_MS)
        values[:, chunk] = td["value"][:, 0]
    # One timestep in which the TD error is reward minus value, whatever the rest.
    td["reward"][...] = (REWARD - td["value"]) / (network.spec.timestep_ms * 1e-3)
    network.advance(np.broadcast_to(rates, (network.replicas, rates.size)), 1)
    return values


def _late(values: NDArray) -> NDArray[np.float64]:
    """Return the mean value of the last trials from 0.5 s on, (R, chunks)."""
    return values[-JUDGED:, :, SILENT_CHUNKS:].mean(axis=0)


def _correlation(values: NDArray) -> float:
    return float(np.corrcoef(values, true_value(judged_times_s()))[0, 1])


def _every_seed(arm: str, text: str, low: float, high: float) -> Bar:
    return Bar(
        f"{arm}: {text} on every seed",
        lambda scores: bool(np.all((scores[arm] >= low) & (scores[arm] <= high))),
    )


def _draw(folder: Path) -> "Figure":
    from threefactor.analysis.gallery.figures import draw_value_on_track

    arms = {arm: load_arm(folder, arm)["values"] for arm in (TD_LTP, SHUFFLED, UNTRAINED)}
    late = {arm: _late(values) for arm, values in arms.items()}
    errors = {
        arm: np.sqrt(
            np.mean((arms[arm][:, :, SILENT_CHUNKS:] - true_value(judged_times_s())) ** 2, axis=2)
        )
        for arm in (TD_LTP, SHUFFLED)
    }
    times = judged_times_s()
    return draw_value_on_track(times, true_value(times), late, errors)


TD_CRITIC_TRACK = Experiment(
    "A spiking critic that learns by TD-LTP from its own TD error predicts the discounted reward "
    "at the end of a track.",
    run_arm,
    "RMSE of the value, mean of the last 10 trials, against R*exp(-(T - t)/tau) (reward 100); the "
    "second line: correlation of the same",
    (
        _every_seed(TD_LTP, "RMSE at most 15", 0.0, 15.0),
        _every_seed(CORRELATION, "at least 0.97", 0.97, 1.0),
        _every_seed(SHUFFLED, "RMSE above 25", 25.0, np.inf),
        _every_seed(UNTRAINED, "RMSE above 25", 25.0, np.inf),
    ),
    arms=(TD_LTP, CORRELATION, SHUFFLED, UNTRAINED),
    published="qualitative; an independent program of this project: RMSE 12.4, 12.8, "
    "correlation 0.995, 0.993",
    draw=_draw,
)
