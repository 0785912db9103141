"""Regression with 100 recurrent neurons: a frozen input pattern must become a sum of four sines.

100 inputs, 100 leaky integrate-and-fire neurons, one linear readout that compares itself with the
target. A `Modulation` sends each hidden neuron its own learning signal, another the readout its
error. Weights move when an iteration of 1000 ms ends, and all states are reset.

In Bellec et al. [1] the readout hears a spike in the timestep in which it is fired, ours one later:
its error belongs to the eligibility of the timestep before. So the third factor is delivered before
the decision closes, as every modulator does that waits for spikes.

Source: [1] Bellec et al. 2020, Nat. Commun. 11:3625, supplementary regression task; the draws,
their order and the losses are those of the authors' program.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.models.addresses import on_neuron
from threefactor.models.network import Network
from threefactor.models.neurons.adaptive_lif import AdaptiveLIF
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.neurons.readout import Readout
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Population,
    Projection,
    all_to_all,
)
from threefactor.rules.contract import Rule
from threefactor.rules.eprop import Eprop
from threefactor.rules.updates import Adam, WeightUpdate

STEPS, N = 1000, 100
PERIODS = (1000, 500, 333, 200)
TAU_MS, THRESHOLD_MV, LEARNING_RATE = 30.0, 30.0, 1e-4
DECAY = float(np.exp(-1.0 / TAU_MS))
#: Our weight for a weight of 1 in [1], which has threshold 0.03 and inputs (1 - DECAY)*w that do
#: not decay on their way. Gradients scale with it too, so learning rates scale with its square.
HIDDEN_SCALE = THRESHOLD_MV / 0.03 * (1.0 - DECAY) / DECAY
OUTPUT_SCALE = (1.0 - DECAY) / DECAY
HIDDEN = AdaptiveLIF(
    tau_membrane_ms=TAU_MS, v_threshold_mv=THRESHOLD_MV, reset_by_mv=THRESHOLD_MV / DECAY,
    adaptation_strength_mv=0.0, psi_width_mv=THRESHOLD_MV,
)  # fmt: skip
HIDDEN_RULE = Eprop(
    learning_rate=LEARNING_RATE * HIDDEN_SCALE**2, tau_readout_ms=TAU_MS,
    rate_regularisation=300.0, target_rate_hz=10.0,
)  # fmt: skip
OTHERS = all_to_all(N, N, self_connections=False)


@dataclass(frozen=True)
class ComparingReadout(Readout):
    """Leaky readout that compares its membrane with a target in every timestep.

    Equations
    ---------
    as readout, and error = v - target, loss <- loss + error**2/2

    Parameters
    ----------
    tau_membrane_ms : float, default 20.0
        Decay of the membrane, ms, > 0.
    bias : float, default 0.0
        Value of v without input, 1.

    State
    -----
    v, sensitivity : as in readout.
    target : (n,), 1
        Written by the host before each timestep.
    error : (n,), 1
    loss : (n,), 1
        Half the squared error, summed since the last reset.

    Source
    ------
    Bellec et al. 2020, Nat. Commun. 11:3625, eq. 11 and Methods (regression).
    """

    equations = Readout.equations + "\ntarget : 1\nerror : 1\nloss : 1"
    integrate = "error = v - target\nloss += 0.5*error**2"


@dataclass(frozen=True)
class ReadoutGradient(Rule):
    """Gradient descent of a readout, at trial end: filtered presynaptic spikes times its error.

    Equations
    ---------
    each timestep: gradient <- gradient + third_factor*sensitivity
    episode end: w <- clip(w + learning_rate*gradient, w_min, w_max)

    The third factor is minus the error.

    Parameters
    ----------
    learning_rate : float, default 0.0001
        Step along the gradient of an episode, in units of the weight, >= 0.

    State
    -----
    gradient : (n_synapses,), zeroed at episode start

    Source
    ------
    Bellec et al. 2020, Nat. Commun. 11:3625, Methods (readout weights).
    """

    learning_rate: float = 1e-4

    equations = "gradient : 1"
    each_step = "gradient += third_factor*sensitivity"
    at_episode = "w += learning_rate*gradient"
    requires = ("sensitivity",)


@dataclass(frozen=True)
class Regression:
    """What one seed draws, in the units of [1]; weights are (to, from).

    Attributes
    ----------
    w_in, w_rec : (100, 100)
    w_out, feedback : (100,)
    inputs : (1000, 100) bool
    target : (1000,), within -1 and 1
    """

    w_in: NDArray[np.float64]
    w_rec: NDArray[np.float64]
    w_out: NDArray[np.float64]
    feedback: NDArray[np.float64]
    inputs: NDArray[np.bool_]
    target: NDArray[np.float64]


def draw_regression(seed: int) -> Regression:
    """Return the draws of a seed, 0 being those of the authors' program (NumPy's legacy seed 1).

    The program keeps weights and feedback in single precision, so they are rounded to it once;
    everything else is double.
    """
    generator = np.random.RandomState(seed + 1)  # the published losses hang on this stream

    def weights(columns: int) -> NDArray[np.float64]:
        return (generator.randn(N, columns) / 10).astype(np.float32).astype(float)

    w_in, w_rec, w_out, feedback = (weights(columns) for columns in (N, N, 1, 1))
    np.fill_diagonal(w_rec, 0.0)
    inputs = generator.rand(STEPS, N) < 0.05
    inputs[0] = False
    amplitudes = generator.uniform(0.5, 2.0, len(PERIODS))
    phases = generator.uniform(0.0, 2 * np.pi, len(PERIODS))
    target = np.zeros(STEPS)
    for period, amplitude, phase in zip(PERIODS, amplitudes, phases, strict=True):
        turns = 2 * np.pi * (STEPS // period)
        target += amplitude * np.sin(np.linspace(phase, phase + turns, STEPS))
    target -= target[0]
    target /= np.abs(target).max()
    return Regression(w_in.T, w_rec.T, w_out[:, 0], feedback[:, 0], inputs, target)


def regression_spec(adam_step: float | None = None) -> NetworkSpec:
    """Return the network; weights and feedback are written by `write_draws`.

    Parameters
    ----------
    adam_step : float or None
        None: plain gradient descent; else Adam with steps of this size, in the weights of [1].
    """

    def update(scale: float) -> WeightUpdate:
        return WeightUpdate() if adam_step is None else Adam(step_size=adam_step * scale)

    every, to_readout = all_to_all(N, N), all_to_all(N, 1)
    readout_rule = ReadoutGradient(learning_rate=LEARNING_RATE * OUTPUT_SCALE**2)
    return NetworkSpec(
        (
            Population("input", N, PoissonInput()),
            Population("hidden", N, HIDDEN),
            Population("readout", 1, ComparingReadout(tau_membrane_ms=TAU_MS)),
        ),
        (
            Projection(
                "inputs", "input", "hidden", **every, weights=np.zeros(N * N), rule=HIDDEN_RULE,
                update=update(HIDDEN_SCALE),
            ),
            Projection(
                "recurrent", "hidden", "hidden", **OTHERS, weights=np.zeros(len(OTHERS["pre"])),
                rule=HIDDEN_RULE, update=update(HIDDEN_SCALE),
            ),
            Projection(
                "output", "hidden", "readout", **to_readout, weights=np.zeros(N),
                rule=readout_rule, update=update(OUTPUT_SCALE),
            ),
        ),
        output="readout",
        modulations=(
            Modulation("feedback", "readout", "hidden", "error", **all_to_all(1, N)),
            Modulation("error", "readout", "readout", "error", **all_to_all(1, 1), weights=-1.0),
        ),
    )  # fmt: skip


def write_draws(network: Network, draws: Sequence[Regression]) -> None:
    """Give each replica the weights and the feedback of its seed."""
    for replica, draw in enumerate(draws):
        values = {
            "inputs.w": HIDDEN_SCALE * draw.w_in.T.ravel(),
            "recurrent.w": HIDDEN_SCALE * draw.w_rec[OTHERS["post"], OTHERS["pre"]],
            "output.w": OUTPUT_SCALE * draw.w_out,
            "feedback.weight": -draw.feedback,
        }
        for name, row in values.items():
            network.replicated(name)[replica] = row


def show_pattern(network: Network, draws: Sequence[Regression]) -> tuple[NDArray, NDArray]:
    """Run one iteration, learning included, and return losses (R,) and outputs (1000, R).

    Inputs are shown one timestep before the hidden neurons feel them, and targets one after, when
    the readout feels the hidden spikes. The hidden neurons are held in the timestep beyond the
    last, in which only the readout still listens, and do not count it.
    """
    spikes = np.stack([draw.inputs for draw in draws], axis=1)
    rates = np.append(spikes[1:], np.zeros((2, *spikes.shape[1:])), axis=0) * 1000.0
    targets = np.stack([draw.target for draw in draws], axis=1)
    no_host = np.zeros(network.replicas)
    outputs = np.zeros_like(targets)
    target, error = network.replicated("readout.target"), network.replicated("readout.error")
    for step in range(STEPS + 1):
        if step > 0:
            target[:, 0] = targets[step - 1]
        if step == STEPS:
            network.replicated("hidden.refractory_left")[...] = 1.0
        network.advance(rates[step], 1)
        network.consolidate(no_host)
        network.close_decision()
        if step > 0:
            outputs[step - 1] = (target + error)[:, 0]
    for projection in network.spec.projections:
        if projection.rule is HIDDEN_RULE:
            name = on_neuron(projection, projection.target, "duration")
            network.replicated(name)[...] = STEPS  # a timestep is 1 ms
    losses = network.replicated("readout.loss")[:, 0].copy()
    network.start_episode(np.ones(network.replicas, bool))
    return losses, outputs
