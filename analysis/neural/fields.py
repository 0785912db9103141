"""Receptive fields of output neurons: the weights onto them, and the inputs before their spikes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.neural.spans import Span
from threefactor.analysis.run_data import Run
from threefactor.analysis.weights import weight_matrix

LAG_MS = 20.0
_MOST_FIELDS = 6


@dataclass(frozen=True)
class InputLayout:
    """How input neurons lie in the space of observations.

    Attributes
    ----------
    shape : tuple of int
        Of the map; (n,) where there is no more than an order.
    copies : int
        Input neurons of each place, neighbours.
    axes : tuple of str
        What the dimensions of the map are.
    """

    shape: tuple[int, ...]
    copies: int
    axes: tuple[str, ...]

    def fold(self, values: NDArray) -> NDArray[np.float64]:
        """Return values of input neurons, (n_inputs,), as a map; copies are averaged."""
        return np.asarray(values, float).reshape(-1, self.copies).mean(axis=1).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class ReceptiveFields:
    """Maps of the output neurons, or of groups of them that stand for one action.

    Attributes
    ----------
    span : Span
    projection : str
    layout : InputLayout
    names : tuple of str
        Of the groups.
    weights : (n_groups, *shape)
        Mean weight from the inputs of a place, at the last snapshot.
    triggered_hz : (n_groups, *shape)
        Mean rate of the inputs in the `LAG_MS` before a spike, less their mean rate.
    n_spikes : (n_groups,)
        Spikes that this is the mean of.
    agreement : (n_groups,)
        Correlation of both maps over places.
    """

    span: Span
    projection: str
    layout: InputLayout
    names: tuple[str, ...]
    weights: NDArray[np.float64]
    triggered_hz: NDArray[np.float64]
    n_spikes: NDArray[np.int64]
    agreement: NDArray[np.float64]


def measure_fields(run: Run, span: Span) -> ReceptiveFields:
    """Return the receptive fields of the output population, from the inputs that reach it directly.

    Raises
    ------
    ValueError
        If input, output or a projection between them was not recorded.
    """
    source, target, projection = _path(run)
    history = run.weights(projection)
    layout = input_layout(run, history.n_pre)
    groups = _groups(run, history.n_post)
    matrix = np.nan_to_num(weight_matrix(history, -1))
    weights = np.array([layout.fold(matrix[:, own].mean(axis=1)) for own in groups.values()])
    triggered, n_spikes = _triggered(run, span, source, target, groups)
    folded = np.array([layout.fold(of_group) for of_group in triggered])
    agreement = np.array([_agreement(w, t) for w, t in zip(weights, folded, strict=True)])
    return ReceptiveFields(
        span, projection, layout, tuple(groups), weights, folded, n_spikes, agreement
    )


def input_layout(run: Run, n_inputs: int) -> InputLayout:
    """Return the map that an encoder lays out: place cells, a gridworld; else an order."""
    encoder: Mapping[str, Any] = run.config.get("encoder", {})
    copies = int(encoder.get("copies", 1))
    if n_inputs % copies:
        copies = 1
    n_places = n_inputs // copies
    in_order = InputLayout((n_places,), copies, ("Input number",))
    if encoder.get("name") == "one-hot" and run.policy is not None:
        shape = tuple(int(n) for n in run.policy["shape"])
        return (
            InputLayout(shape, copies, ("Row", "Column"))
            if math.prod(shape) == n_places
            else in_order
        )
    if encoder.get("name") != "gaussian":
        return in_order
    cells, groups = list(encoder.get("cells", ())), list(encoder.get("groups", ()))
    # One number of cells is that of every dimension.
    is_grid = encoder.get("mode") == "grid" or len(groups) == 1
    if len(cells) == 1 and is_grid and cells[0] ** 2 == n_places:
        cells *= 2
    if is_grid and len(cells) == 2 and math.prod(cells) == n_places:
        return InputLayout(
            (cells[0], cells[1]), copies, ("Dimension 0 (cell)", "Dimension 1 (cell)")
        )
    return in_order


def _path(run: Run) -> tuple[str, str, str]:
    """Return input, output and the projection from one to the other."""
    regime, network = run.meta.get("regime", {}), run.meta.get("network", {})
    source, target = regime.get("input", ""), network.get("output", "")
    populations = run.populations if run.segments else {}
    if missing := [name or "?" for name in (source, target) if name not in populations]:
        raise ValueError(
            f"Receptive fields: expected recorded spikes of input and output, got none of "
            f"{' and '.join(missing)}. Train with --record-episodes 5."
        )
    for name in run.projections:
        history = run.weights(name)
        ends = (history.n_pre, history.n_post)
        fits = ends == (populations[source], populations[target])
        if fits and regime.get("sources", {}).get(name) == source and len(history.values):
            return source, target, name
    raise ValueError(
        f"Receptive fields: expected recorded weights from {source} to {target}, got "
        f"{', '.join(run.projections) or 'none'}. Hidden layers have none of their own here."
    )


def _groups(run: Run, n_output: int) -> dict[str, NDArray[np.int64]]:
    """Return name -> output neurons: of each action, or the first few neurons one by one."""
    each, first = (
        run.meta.get("network", {}).get("neurons_per_action"),
        run.meta.get("first_action"),
    )
    if each and first is not None and n_output // each > 1:
        return {
            f"action {first + k}": np.arange(k * each, (k + 1) * each)
            for k in range(min(n_output // each, _MOST_FIELDS))
        }
    return {f"neuron {k}": np.array([k]) for k in range(min(n_output, _MOST_FIELDS))}


def _triggered(
    run: Run, span: Span, source: str, target: str, groups: Mapping[str, NDArray]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return input rates before spikes less mean rates, (n_groups, n_inputs), and spike counts."""
    in_ms, in_neuron, _ = span.inside(run.spikes(source))
    out_ms, out_neuron, _ = span.inside(run.spikes(target))
    size = run.populations[source]
    mean_hz = np.bincount(in_neuron, minlength=size) / span.duration_s
    triggered, n_spikes = np.zeros((len(groups), size)), np.zeros(len(groups), np.int64)
    for k, own in enumerate(groups.values()):
        spikes_ms = np.sort(out_ms[np.isin(out_neuron, own)])
        n_spikes[k] = spikes_ms.size
        if spikes_ms.size:
            # How many of these spikes each input spike is in time for.
            first, last = (np.searchsorted(spikes_ms, in_ms + lag) for lag in (0.0, LAG_MS))
            met = np.bincount(in_neuron, last - first, minlength=size)
            triggered[k] = met / (spikes_ms.size * LAG_MS * 1e-3) - mean_hz
    return triggered, n_spikes


def _agreement(one: NDArray, other: NDArray) -> float:
    if one.std() == 0 or other.std() == 0:
        return float("nan")
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
