"""Many independent neurons of one kind under given input, and what a rule sees of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.models.interpreter import NUMPY, Interpreter
from threefactor.models.neurons.contract import NeuronModel, PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules.contract import Rule

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class _Onlooker(Rule):
    """Require the sensitivity, and leave the weights alone."""

    requires = ("sensitivity",)


class Stimulated:
    """Neurons with synapses onto them, whose weights stay as they are.

    Parameters
    ----------
    neuron : NeuronModel
    pre, post : (n_synapses,) int arrays
        Every input and every neuron has a synapse.
    w : (n_synapses,) array
    dt_ms : float
    seed : int
        Of the neurons' noise.
    watch : sequence of str
        Variables and parameters of the neuron, and ``sensitivity``, that are of interest.
    tonic : float, default 0
        Weight that every neuron receives in every timestep on top of its synapses.
    """

    def __init__(
        self,
        neuron: NeuronModel,
        pre: NDArray[np.int_],
        post: NDArray[np.int_],
        w: Floats,
        dt_ms: float = 1.0,
        seed: int = 0,
        watch: Sequence[str] = (),
        tonic: float = 0.0,
    ) -> None:
        self._watch = tuple(watch)
        n_inputs, self._size = int(pre.max()) + 1, int(post.max()) + 1
        rule = _Onlooker() if "sensitivity" in watch else None
        port = next(iter(neuron.ports))
        populations = [Population("input", n_inputs, PoissonInput())]
        populations += [
            Population("tonic", 1, PoissonInput()),
            Population("actor", self._size, neuron),
        ]
        synapses = Projection("synapses", "input", "actor", pre, post, w, port=port, rule=rule)
        drive = Projection(
            "drive", "tonic", "actor", **all_to_all(1, self._size),
            weights=np.full(self._size, tonic), port=port,
        )  # fmt: skip
        spec = NetworkSpec(
            tuple(populations), (synapses, drive) if tonic else (synapses,), timestep_ms=dt_ms
        )
        self._machine = Interpreter(spec, [seed], [seed], _with_noise_of(seed))

    def run(
        self, pre_spikes: Bools, given: Bools | None = None, dtype: type = np.float64
    ) -> tuple[Bools, dict[str, NDArray[Any]]]:
        """Return the spikes, (steps, n_post), and what a rule's each_step sees of the watched.

        Parameters
        ----------
        pre_spikes : (steps, n_pre) bool
        given : (steps, n_post) bool, optional
            Spikes to emit instead of the neurons' own.
        dtype : type
            Of what is seen: (steps, n_post), the sensitivity (steps, n_synapses).
        """
        machine, spikes = self._machine, np.zeros((len(pre_spikes), self._size), bool)
        machine.record(map(_address, self._watch), dtype)
        for step, arriving in enumerate(np.asarray(pre_spikes, bool)):
            told = {"input": arriving[None], "tonic": np.ones((1, 1), bool)}
            if given is not None:
                told["actor"] = given[step][None]
            machine.step(told)
            spikes[step] = machine.neurons["actor"].spikes[0]
        seen = machine.recorded()
        return spikes, {name: self._rows(name, seen[_address(name)]) for name in self._watch}

    def _rows(self, name: str, seen: NDArray[Any]) -> NDArray[Any]:
        """Return the rows of a variable, or of a parameter that all neurons share."""
        rows = seen[:, 0] if seen.ndim == 3 else seen
        if name == "sensitivity":
            return rows
        return np.broadcast_to(rows, (len(seen), self._size)).copy()


def _address(name: str) -> str:
    return f"synapses.{name}" if name == "sensitivity" else f"actor.{name}"


def _with_noise_of(seed: int) -> Any:
    """Return NumPy with noise from one generator, which is several times as fast as streams."""
    generator = np.random.default_rng(seed)
    draws = {
        "uniform": lambda stream, _: generator.random(stream.shape),
        "gaussian": lambda stream, _: generator.standard_normal(stream.shape),
    }
    return replace(NUMPY, functions={**NUMPY.functions, **draws})
