"""One population as functions of its frame: integrate, fire, reset."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from threefactor.models.differentiable.expressions import Frame, Part, Reader, add
from threefactor.models.neurons.contract import INPUT_VARIABLES
from threefactor.models.specification import Population
from threefactor.rules.contract import parameter_values
from threefactor.rules.interpreter.propagators import propagator
from threefactor.rules.language import evaluate, find_unit, parse_equations, parse_statements


class Neurons:
    """The program of a population, which has no state: frames come from `begin`.

    Parameters
    ----------
    population : Population
    written : iterable of str
        Variables that links from elsewhere write.
    timestep_ms : float

    Attributes
    ----------
    name, size
    told : str
        Variable that the host writes before a window; "": none.
    variables : list of str
        Those that may change; a state holds them.
    initial : dict of str to float
    resets_at_decision : bool
    is_spiking : bool

    Raises
    ------
    ValueError
        For neurons that gradients cannot be led through.
    """

    def __init__(self, population: Population, written: Iterable[str], timestep_ms: float) -> None:
        neuron = population.neuron
        self.name, self.size, self._neuron = population.name, population.size, neuron
        self._where, self._dt = type(neuron).__name__, timestep_ms * 1e-3
        if neuron.refractory:
            raise ValueError(
                f"{self._where}.refractory: PyTorch knows no refractoriness of Brian2's own; hold "
                "the neuron with a variable, as LIF does."
            )
        equations = parse_equations(neuron.equations, f"{self._where}.equations")
        parameters = {name: value for name, (value, _) in parameter_values(neuron).items()}
        blocks = {
            block: parse_statements(getattr(neuron, block), f"{self._where}.{block}")
            for block in ("before_window", "integrate", "before_threshold", "reset")
        }
        self.told = INPUT_VARIABLES[neuron.takes][0] if neuron.takes else ""
        changing = {self.told, *written}.union(*(block.writes for block in blocks.values()))
        changing |= {line.variable for line in equations if line.is_differential}
        starts = {n: parameters[v] if isinstance(v, str) else v for n, v in neuron.initial.items()}
        self.initial = {name: float(starts.get(name, 0.0)) for name in equations.stored}
        self.variables = [name for name in equations.stored if name in changing]
        self.constants = {
            **{n: v for n, v in parameters.items() if n not in population.heterogeneity},
            **{n: v for n, v in self.initial.items() if n not in changing},
            "dt": self._dt, "inf": np.inf,
        }  # fmt: skip
        derived = {
            line.variable: line.expression
            for line in equations
            if line.expression is not None and not line.is_differential
        }
        reader = Reader(self.constants, derived)
        self.resets_at_decision = population.resets == "decision"
        self.is_spiking = bool(neuron.threshold.strip())
        self._before_window = reader.block(blocks["before_window"])
        self._integrate = self._solve() + reader.block(
            [*blocks["integrate"], *blocks["before_threshold"]]
        )
        self._reset = reader.assignments(blocks["reset"])
        if self.is_spiking:
            indicators = blocks["before_threshold"].writes
            where = f"{self._where}.threshold"
            self._threshold = reader.threshold(neuron.threshold, where, indicators)

    def begin_window(self, frame: Frame) -> None:
        """Take in what was told; gradients pass it as if it were not rounded."""
        told = frame[self.told] if self.told else None
        for run in self._before_window:
            run(frame)
        if isinstance(told, Tensor) and told.requires_grad:
            frame[self.told] = told + (frame[self.told] - told).detach()

    def integrate(self, frame: Frame) -> None:
        """Run what comes before the threshold test."""
        for run in self._integrate:
            run(frame)

    def fire(self, frame: Frame) -> tuple[Tensor, Tensor]:
        """Return who spikes, as numbers with a gradient and as bool."""
        return self._threshold(frame)

    def reset(self, frame: Frame, spikes: Tensor, is_spike: Tensor, has_gradient: bool) -> None:
        """Reset the neurons that spike.

        Parameters
        ----------
        has_gradient : bool
            Whether gradients pass the reset to the spike.
        """
        for name, part in self._reset:
            value, old = part(frame), frame[name]
            if has_gradient:
                frame[name] = old + spikes * (value - old)
            elif isinstance(value, Tensor):
                frame[name] = torch.where(is_spike, value, old)
            elif isinstance(old, Tensor):
                frame[name] = old.masked_fill(is_spike, value)
            else:
                frame[name] = add(old, spikes.detach() * (value - old))

    def _solve(self) -> list[Part]:
        """Return the exact steps of linear equations."""
        equations = parse_equations(self._neuron.equations)
        slopes = {line.variable: line.expression for line in equations if line.is_differential}
        if not slopes:
            return []
        names = list(slopes)
        others = set().union(*(s.names for s in slopes.values() if s is not None)) - slopes.keys()
        unknown = sorted(n for n in others if n not in self.constants and find_unit(n) is None)
        if unknown or self._neuron.method != "exact":
            raise ValueError(
                f"{self._where}: expected linear equations of constants for gradients, got ones "
                f"that read {', '.join(unknown) or self._neuron.method}; choose lif-discrete, "
                "lif-soft-reset or readout-discrete, which have decays per timestep."
            )

        def slope(values: np.ndarray) -> np.ndarray:
            known = dict(zip(names, values, strict=True))

            def read(name: str) -> Any:
                return known[name] if name in known else self._number(name)

            rows = [evaluate(s, read) for s in slopes.values() if s is not None]
            return np.array([np.broadcast_to(row, values.shape[1:]) for row in rows], float)

        decay, drive = propagator(slope, len(names), 1, self._dt, f"{self._where}.equations")
        rows = [
            [(names[k], float(decay[j, k, 0])) for k in range(len(names)) if decay[j, k, 0]]
            for j in range(len(names))
        ]
        drives = [float(drive[j, 0]) for j in range(len(names))]

        def step(frame: Frame) -> None:
            found = []
            for row, value in zip(rows, drives, strict=True):
                for name, factor in row:
                    value = add(value, factor * frame[name])
                found.append(value)
            frame.update(zip(names, found, strict=True))

        return [step]

    def _number(self, name: str) -> float:
        unit = find_unit(name)
        return self.constants[name] if unit is None else unit.scale
