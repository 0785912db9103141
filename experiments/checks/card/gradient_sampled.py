"""The gradient for rules that explore with membrane noise: finite differences, same noise.

The network of `experiments.checks.card.gradient` with noisy neurons: active inputs spike regularly
for one decision window, the action is that of the neuron that spikes more often, else a fair coin.
The expected reward is a mean over samples; its differences between nearby weights are taken with
the same noise in every timestep.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.card.bench import Bench
from threefactor.experiments.checks.card.stimulation import Stimulated
from threefactor.rules.contract import parameter_values

Floats = NDArray[np.float64]

PERIOD_MS, WINDOW_MS = 4.0, 40.0
#: Weights in units of what makes one regular input reach the threshold, and the step taken.
WEIGHTS = np.array([[0.52, 0.60], [0.60, 0.53], [0.60, 0.57]])
STEP = 0.03


@dataclass(frozen=True)
class Decisions:
    """Samples of one decision: spikes, what the rule reads, counts, (samples, units)."""

    pre_spikes: NDArray[np.bool_]
    post_spikes: NDArray[np.bool_]
    seen: dict[str, NDArray]
    counts: Floats


class NoisyNetwork:
    """Independent copies of three inputs and two noisy neurons; sample k sees pattern k modulo 4.

    Parameters
    ----------
    bench : Bench
    patterns : (n_patterns, inputs) array of 0 and 1
    samples : int
    seed : int
    """

    def __init__(self, bench: Bench, patterns: Floats, samples: int, seed: int) -> None:
        self.bench, self.samples, self.seed = bench, samples, seed
        self.inputs, self.units = WEIGHTS.shape
        self.pattern = np.arange(samples) % len(patterns)
        steps = bench.steps(WINDOW_MS)
        self.pre_spikes = np.zeros((steps, samples * self.inputs), bool)
        self.pre_spikes[:: bench.steps(PERIOD_MS)] = patterns[self.pattern].astype(bool).ravel()
        sample, i, k = (a.ravel() for a in np.indices((samples, self.inputs, self.units)))
        self.pre, self.post = sample * self.inputs + i, sample * self.units + k
        self.weights = self._unit() * WEIGHTS

    def _unit(self) -> float:
        """Return the weight with which one regular input just reaches the threshold."""
        constants = {
            name: value for name, (value, _) in parameter_values(self.bench.neuron).items()
        }
        distance = (constants["v_threshold"] - constants["v_rest"]) * 1e3
        return float(distance * -np.expm1(-PERIOD_MS * 1e-3 / constants["tau_membrane"]))

    def run(self, w: Floats, names: tuple[str, ...] = ()) -> Decisions:
        """Return what the neurons do at weights (inputs, units), always with the same noise."""
        flat = np.tile(w.ravel(), self.samples)
        neurons = Stimulated(
            self.bench.neuron, self.pre, self.post, flat, self.bench.dt_ms, self.seed, names
        )
        spikes, seen = neurons.run(self.pre_spikes)
        counts = spikes.sum(axis=0).reshape(self.samples, self.units)
        return Decisions(self.pre_spikes, spikes, seen, counts)

    def gradient(self, targets: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Return the gradient of the expected reward, (inputs, units), and its standard error."""
        gradient, error = np.zeros((2, *self.weights.shape))
        step = STEP * self._unit()
        for index in np.ndindex(self.weights.shape):
            shift = np.zeros_like(self.weights)
            shift[index] = step
            up, down = (
                self.expected(self.run(self.weights + sign * shift).counts, targets)
                for sign in (1, -1)
            )
            gradient[index] = (up - down).mean() / (2 * step)
            error[index] = (up - down).std() / np.sqrt(self.samples) / (2 * step)
        return gradient, error

    def expected(self, counts: Floats, targets: NDArray[np.bool_]) -> Floats:
        """Return each sample's reward, the coin of a tie averaged."""
        preferred = np.sign(counts[:, 1] - counts[:, 0])
        return np.where(targets[self.pattern], preferred, -preferred)
