"""What the host delivers to a network, read off its specification: third factors and signals.

The host is what runs the network: an agent, a check, a script. Where a modulation of the network
itself delivers, the host does not.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from threefactor.models.addresses import on_neuron
from threefactor.models.neurons.contract import INPUT_VARIABLES
from threefactor.models.specification import NetworkSpec, Population


def input_array(spec: NetworkSpec) -> str:
    """Return the array that is written before each window."""
    variable, _ = INPUT_VARIABLES[spec.population(spec.input).neuron.takes]
    return f"{spec.input}.{variable}"


def steps_to_spike(times_ms: NDArray[np.float64], timestep_ms: float) -> NDArray[np.float64]:
    """Return in which timesteps of a window, counted from 1, spikes fall; 0: no spike (inf, NaN).

    The nearest timestep, where timestep k begins (k - 1)*timestep_ms after the window does.
    """
    steps = np.floor(np.asarray(times_ms) / timestep_ms + 0.5) + 1.0
    return np.where(np.isfinite(times_ms), steps, 0.0)


def mean_value(
    activity: NDArray[np.float64], critic: Population, chosen: NDArray[np.int_] | None = None
) -> NDArray[np.float64]:
    """Return the value that a critic's activity (replicas, neurons) stands for, (replicas,).

    The mean over its neurons; of opponents that of the positive less that of the negative ones
    (divided by their sum, if it is divisive; 0 of silent ones); of neurons that stand for actions
    the mean over those of the actions taken.

    Parameters
    ----------
    chosen : (replicas,) or (replicas, n_components), optional
        The actions taken; None: the one of the most active neurons.
    """
    if critic.modules is not None:
        return _action_value(activity, critic.modules, chosen)
    if critic.valence is None:
        return activity.mean(axis=1)
    is_positive = critic.valence > 0
    positive = activity[:, is_positive].mean(axis=1)
    negative = activity[:, ~is_positive].mean(axis=1)
    if not critic.is_divisive:
        return positive - negative
    both = positive + negative
    return np.divide(positive - negative, both, out=np.zeros_like(both), where=both > 0)


def _action_value(
    activity: NDArray[np.float64], modules: NDArray[np.int_], chosen: NDArray[np.int_] | None
) -> NDArray[np.float64]:
    values = np.stack([activity[:, modules == m].mean(axis=1) for m in range(modules.max() + 1)], 1)
    if chosen is None:
        return values.max(axis=1)
    return np.take_along_axis(values, chosen.reshape(len(values), -1), axis=1).mean(axis=1)


def reward_populations(spec: NetworkSpec) -> list[str]:
    """Return the populations that are told what a decision brought."""
    return [p.name for p in spec.populations if p.neuron.hears_reward]


def third_factor_populations(spec: NetworkSpec) -> list[str]:
    """Return the populations that learn from a third factor of the host."""
    fed = {m.target for m in spec.modulations if m.into == "third_factor"}
    targets = (p.target for p in spec.projections if p.rule is not None and p.target not in fed)
    return list(dict.fromkeys(targets))


def signal_arrays(spec: NetworkSpec) -> list[tuple[str, str, str]]:
    """Return (signal, population, array) of every rule variable that the host writes."""
    fed = {(m.target, m.into) for m in spec.modulations}
    return [
        (signal, p.target, on_neuron(p, p.target, variable))
        for p in spec.projections
        if p.rule is not None
        for variable, signal in p.rule.host_writes.items()
        if (p.target, f"{p.name}.{variable}") not in fed
    ]


def listeners(spec: NetworkSpec, signal: str) -> list[str]:
    """Return the populations whose rules wait for a signal of the host."""
    return list(dict.fromkeys(who for name, who, _ in signal_arrays(spec) if name == signal))


def check_third_factor(
    spec: NetworkSpec, sizes: Mapping[str, int], has_scalar: bool = True
) -> None:
    """Raise ValueError unless a third factor of this form reaches what learns, and only that.

    Parameters
    ----------
    spec : NetworkSpec
    sizes : mapping of population to int
        Whose neurons get third factors of their own, and how many; "" is the output.
    has_scalar : bool, default True
        Whether a scalar comes beside them, for every other population that learns.
    """
    learning = third_factor_populations(spec)
    named = {name or spec.output: size for name, size in sizes.items()}
    for name, size in named.items():
        population = spec.population(name)
        if name not in learning:
            raise ValueError(
                f"third factor: expected a population that learns from the host, got {name!r}; "
                f"these do: {', '.join(learning) or 'none'}."
            )
        if size != population.size:
            raise ValueError(
                f"third factor of {name!r}: expected one number for each of its "
                f"{population.size} neurons, got {size}; with feedback it is n_post that says so."
            )
    others = [name for name in learning if name not in named]
    if others and not has_scalar:
        raise ValueError(
            f"third factor: expected a scalar for {', '.join(map(repr, others))} beside the "
            f"vector of {', '.join(map(repr, named))}, got none; a vector is never averaged: "
            f"pass consolidate(scalar, {{population: vector}})."
        )
