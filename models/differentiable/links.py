"""Projections and modulations as matrix products."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from threefactor.models.differentiable.expressions import Frame, Part, Reader
from threefactor.models.specification import Modulation, NetworkSpec, Population, Projection
from threefactor.rules.contract import parameter_values
from threefactor.rules.language import parse_statements


@dataclass(frozen=True)
class Pattern:
    """Which neuron is linked to which, (n_pre, n_post).

    Attributes
    ----------
    shape : (n_pre, n_post)
    places : (n_links,) int64 array or None
        Number of each link's entry in the matrix; None: all, in order.
    """

    shape: tuple[int, int]
    places: np.ndarray | None

    @classmethod
    def of(cls, links: Projection | Modulation, spec: NetworkSpec) -> "Pattern":
        """Return the pattern of links."""
        shape = spec.population(links.source).size, spec.population(links.target).size
        places = np.asarray(links.pre, np.int64) * shape[1] + np.asarray(links.post, np.int64)
        is_dense = np.array_equal(places, np.arange(shape[0] * shape[1]))
        return cls(shape, None if is_dense else places)

    def matrix(self, values: Tensor) -> Tensor:
        """Return the matrix of values (n_links,); those of one pair of neurons add up."""
        if self.places is None:
            return values.view(self.shape)
        places = torch.as_tensor(self.places, device=values.device)
        empty = values.new_zeros(self.shape[0] * self.shape[1])
        return empty.index_add(0, places, values).view(self.shape)


class Sender:
    """A projection: spikes times weights into variables of the target.

    Parameters
    ----------
    projection : Projection
    spec : NetworkSpec

    Attributes
    ----------
    name, source, target : str
        `name` is that of the array of the weights.
    bounds : pair of (n_synapses,) arrays or numbers
    into : list of str
        The variables.

    Raises
    ------
    ValueError
        For projections that gradients cannot be led through.
    """

    def __init__(self, projection: Projection, spec: NetworkSpec) -> None:
        self.name = f"{projection.name}.w"
        self.source, self.target = projection.source, projection.target
        self.bounds = projection.w_min, projection.w_max
        self._pattern = Pattern.of(projection, spec)
        where = f"Projection {projection.name!r}"
        _check_trainable(where, projection)
        if not spec.population(projection.source).neuron.threshold.strip():
            raise ValueError(
                f"{where}: expected a source that spikes, got {projection.source!r}, which has no "
                "threshold; graded values are sent by a Modulation."
            )
        target: Population = spec.population(projection.target)
        constants = {name: value for name, (value, _) in parameter_values(target.neuron).items()}
        reader = Reader(constants | {"dt": spec.timestep_ms * 1e-3})
        self._parts: list[tuple[str, bool, Part]] = []
        for statement in parse_statements(target.neuron.ports[projection.port], where):
            own = statement.expression.names & set(target.neuron.units) - constants.keys()
            if statement.operator not in ("+=", "-=") or own:
                raise ValueError(
                    f"{where}: expected a port that adds what depends on w alone for gradients, "
                    f"got {type(target.neuron).__name__}.ports[{projection.port!r}]; choose "
                    "lif-discrete."
                )
            is_minus = statement.operator == "-="
            self._parts.append((statement.target, is_minus, reader.part(statement.expression)))
        self.into = [variable for variable, _, _ in self._parts]

    def matrices(self, weights: Tensor, frame: Frame) -> list[tuple[str, Tensor]]:
        """Return variable and matrix of each thing that a spike adds to."""
        found = []
        for variable, is_minus, part in self._parts:
            amounts = part(frame | {"w": weights})
            matrix = self._pattern.matrix(-amounts if is_minus else amounts)
            found.append((variable, matrix))
        return found


class Graded:
    """A modulation: a variable of the source times weights into a variable of the target.

    Attributes
    ----------
    name, source, variable, target, into : str
        `name` is that of the array of the weights.
    is_steady : bool
        Whether the sums are the same in every timestep of a window.
    """

    def __init__(self, modulation: Modulation, spec: NetworkSpec) -> None:
        self.name = f"{modulation.name}.weight"
        self.source, self.variable = modulation.source, modulation.variable
        self.target, self.into = modulation.target, modulation.into
        self._pattern = Pattern.of(modulation, spec)
        source = spec.population(modulation.source)
        is_input = modulation.source == spec.input and source.neuron.takes == "currents"
        self.is_steady = is_input and self.variable == "currents"

    def matrix(self, weights: Tensor) -> Tensor:
        """Return the weights, (n_pre, n_post)."""
        return self._pattern.matrix(weights)


def deliver(frame: Frame, variable: str, values: Tensor, matrix: Tensor) -> None:
    """Add ``values @ matrix`` to a variable."""
    old: Any = frame[variable]
    if isinstance(old, Tensor):
        frame[variable] = torch.addmm(old, values, matrix)
    else:
        product = values @ matrix
        frame[variable] = product if old == 0.0 else product + old


def _check_trainable(where: str, projection: Projection) -> None:
    for has_it, problem in (
        (projection.rule is not None, "a rule; train without it and load the weights afterwards"),
        (projection.delay_ms != 0, "a delay; gradients are led through undelayed spikes only"),
        (projection.incoming_sum is not None, "a sum of incoming weights; leave it out"),
    ):
        if has_it:
            raise ValueError(f"{where}: expected plain weights for gradients, got {problem}.")
