"""Step a neuron model in NumPy, with its own spikes or with given ones: what a rule requires of it.

The strings of the neuron are executed as they are; nothing is compiled, so thousands of independent
neurons run side by side within seconds. One timestep: equations, ``integrate``,
``before_threshold``, spikes, what a rule sees is recorded, sensitivity, input, reset.
"""

import re
from collections.abc import Sequence
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import exprel

from threefactor.models.neurons.contract import NeuronModel
from threefactor.rules.contract import parameter_values
from threefactor.rules.language import evaluate, names_in, parse_equations
from threefactor.rules.propagators import propagator

Floats = NDArray[np.float64]

#: Random numbers that make a draw come out as the given spike, whatever its probability.
_SPIKE, _NO_SPIKE = -1.0, 2.0
_ASSIGNED = re.compile(r"^\s*(\w+)\s*[-+*/]?=(?!=)", re.MULTILINE)
_FUNCTIONS: dict[str, Any] = {
    "exp": np.exp, "expm1": np.expm1, "exprel": exprel, "log": np.log, "sqrt": np.sqrt,
    "abs": np.abs, "clip": np.clip, "sign": np.sign, "tanh": np.tanh,
    "int": lambda value: np.trunc(np.asarray(value, float)),
    "inf": np.inf, "mV": 1e-3, "ms": 1e-3, "__builtins__": {},
}  # fmt: skip


class Stepper:
    """Independent copies of one neuron with synapses onto them.

    Parameters
    ----------
    neuron : NeuronModel
    pre, post : (n_synapses,) int arrays
    w : (n_synapses,) array
    n_post : int
    dt_ms : float
    seed : int
    tonic : float, default 0
        Weight that every neuron receives in every timestep on top of its synapses.

    Raises
    ------
    ValueError
        If the neuron's equations are not linear with constant coefficients.
    """

    def __init__(
        self,
        neuron: NeuronModel,
        pre: NDArray[np.int_],
        post: NDArray[np.int_],
        w: Floats,
        n_post: int,
        dt_ms: float = 1.0,
        seed: int = 0,
        tonic: float = 0.0,
    ) -> None:
        self.neuron, self.pre, self.post, self.w, self.tonic = neuron, pre, post, w, tonic
        self._generator = np.random.default_rng(seed)
        self._given: NDArray[np.bool_] | None = None
        self._size, self._dt = n_post, dt_ms * 1e-3
        self._constants = {n: v for n, (v, _) in parameter_values(neuron).items()}
        self.state: dict[str, Any] = {
            n: np.zeros(n_post) for n in parse_equations(neuron.equations).units
        }
        for name, start in neuron.initial.items():
            value = self._constants[start] if isinstance(start, str) else start
            self.state[name] = np.full(n_post, float(value))
        self.synaptic: dict[str, Any] = {
            name: np.zeros(len(pre)) for name in parse_equations(neuron.sensitivity_equations).units
        }
        self._fixed: dict[str, Any] = {
            **_FUNCTIONS,
            **self._constants,
            "dt": self._dt,
            "t_in_timesteps": 0,
        }
        self._fixed |= {"uniform": self._uniform, "gaussian": self._gaussian}
        self._fixed |= {f"{purpose}_stream": purpose for purpose in neuron.noise}
        self._propagators = [
            self._propagator(neuron.equations), self._propagator(neuron.sensitivity_equations)
        ]  # fmt: skip
        blocks: tuple[str, ...] = ("integrate", "before_threshold", "reset", "sensitivity_on_pre")
        blocks += ("sensitivity_on_post", "sensitivity_each_step")
        self._code: dict[str, CodeType] = {b: _compile(getattr(neuron, b)) for b in blocks}
        self._code["threshold"] = compile(neuron.threshold or "v < -inf", "threshold", "eval")
        self._code["port"] = _compile(next(iter(neuron.ports.values())))
        self._writes = {
            b: set(_ASSIGNED.findall(getattr(neuron, b))) for b in ("reset", "sensitivity_on_post")
        }

    def run(
        self,
        pre_spikes: NDArray[np.bool_],
        given: NDArray[np.bool_] | None = None,
        names: Sequence[str] = (),
        dtype: type = np.float64,
    ) -> tuple[NDArray[np.bool_], dict[str, NDArray[Any]]]:
        """Return the spikes, (steps, n_post), and what a rule's each_step sees of `names`.

        Parameters
        ----------
        pre_spikes : (steps, n_pre) bool
        given : (steps, n_post) bool, optional
            Spikes to emit instead of the neuron's own: stochastic neurons draw them, others are
            lifted to their threshold; all noise but that of the draw is zero.
        names : sequence of str
            Variables and parameters of the neuron, and ``sensitivity``, (steps, n_synapses).
        """
        spikes = np.zeros((len(pre_spikes), self._size), bool)
        columns = {n: len(self.pre) if n in self.synaptic else self._size for n in names}
        seen: dict[str, NDArray[Any]] = {
            n: np.zeros((len(pre_spikes), size), dtype) for n, size in columns.items()
        }
        for step, arriving in enumerate(np.asarray(pre_spikes, bool)):
            spikes[step] = self._spike(None if given is None else given[step])
            for name, rows in seen.items():
                rows[step] = self._value(name)
            self._transmit(arriving, spikes[step])
        return spikes, seen

    def _value(self, name: str) -> Any:
        if name in self.synaptic:
            return self.synaptic[name]
        return self.state[name] if name in self.state else self._constants[name]

    def _spike(self, given: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Advance to the threshold test and return who spikes."""
        self._advance(self.state, self._propagators[0])
        self._advance(self.synaptic, self._propagators[1])
        self._given = given
        self._execute("integrate", self.state)
        if given is not None:
            self._lift(given)
        self._execute("before_threshold", self.state)
        if given is None:
            return np.broadcast_to(
                eval(self._code["threshold"], self._fixed, self.state), self._size
            ).astype(bool)
        if "z" in self.state:
            self.state["z"] = given.astype(float)
        return given

    def _lift(self, given: NDArray[np.bool_]) -> None:
        """Put a deterministic neuron that is to spike at its threshold or peak."""
        if "spike" in self.neuron.noise or "v" not in self.state:
            return
        level = self._constants.get("v_peak", self._constants.get("v_threshold"))
        if level is None:
            return
        level = level + self._constants.get("adaptation_strength", 0.0) * self.state.get(
            "adaptation", 0.0
        )
        self.state["v"] = np.where(given, np.maximum(self.state["v"], level), self.state["v"])

    def _transmit(self, arriving: NDArray[np.bool_], spikes: NDArray[np.bool_]) -> None:
        """Let input arrive and spiking neurons reset."""
        active = arriving[self.pre]
        if self.synaptic:
            self._execute("sensitivity_each_step", self.synaptic)
            self._synaptic_event("sensitivity_on_pre", active)
            self._synaptic_event("sensitivity_on_post", spikes[self.post])
        total = np.full(self._size, self.tonic)
        if active.any():
            total += np.bincount(self.post[active], self.w[active], self._size)
        if active.any() or self.tonic:
            exec(self._code["port"], self._fixed | {"w": total}, self.state)
        if spikes.any():
            before = {n: np.array(self.state[n]) for n in self._writes["reset"] if n in self.state}
            self._execute("reset", self.state)
            for name, old in before.items():
                self.state[name] = np.where(spikes, self.state[name], old)

    def _synaptic_event(self, block: str, chosen: NDArray[np.bool_]) -> None:
        if not chosen.any():
            return
        before = {name: np.array(value) for name, value in self.synaptic.items()}
        names = {f"{n}_post": v[self.post] for n, v in self.state.items() if np.ndim(v)}
        exec(self._code[block], self._fixed | names, self.synaptic)
        for name, old in before.items():
            self.synaptic[name] = np.where(chosen, self.synaptic[name], old)

    def _execute(self, block: str, values: dict[str, Any]) -> None:
        exec(self._code[block], self._fixed, values)

    def _uniform(self, purpose: str, _step: Any) -> Floats:
        if self._given is None:
            return self._generator.random(self._size)
        if purpose == "spike":
            return np.where(self._given, _SPIKE, _NO_SPIKE)
        return np.full(self._size, 0.5)

    def _gaussian(self, _purpose: str, _step: Any) -> Floats:
        if self._given is None:
            return self._generator.standard_normal(self._size)
        return np.zeros(self._size)

    def _propagator(self, equations: str) -> tuple[list[str], Floats, Floats]:
        """Return names, (n, n) and (n,) with x(t+dt) = first @ x(t) + second."""
        odes = {
            e.variable: e.expression
            for e in parse_equations(equations)
            if e.is_differential and e.expression is not None
        }
        names = list(odes)
        for expression in odes.values():
            unknown = names_in(expression) - set(names) - set(self._constants)
            if unknown:
                raise ValueError(
                    f"{type(self.neuron).__name__}.equations: {sorted(unknown)[0]!r} is neither "
                    f"integrated nor a parameter; the rule card cannot step this neuron."
                )

        def slope(values: Floats) -> Floats:
            known = self._constants | dict(zip(names, values, strict=True))
            return np.array(
                [np.broadcast_to(evaluate(odes[name], known.__getitem__), 1) for name in names],
                np.float64,
            )

        where = f"{type(self.neuron).__name__}.equations"
        decay, drive = propagator(slope, len(names), 1, self._dt, where)
        return names, decay[:, :, 0], drive[:, 0]

    @staticmethod
    def _advance(values: dict[str, Any], propagator: tuple[list[str], Floats, Floats]) -> None:
        names, decay, drive = propagator
        if names:
            state = decay @ np.array([values[name] for name in names]) + drive[:, None]
            values.update(zip(names, state, strict=True))


def _compile(block: str) -> CodeType:
    lines = "\n".join(line.strip() for line in block.splitlines())
    return compile(lines, "neuron", "exec")
