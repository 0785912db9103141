"""What a neuron model does at a timestep: postsynaptic potentials, and rates by constant drives."""

import math
from contextlib import closing
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from threefactor.experiments.checks.small_network import ENGINE
from threefactor.models.network import Network
from threefactor.models.neurons.contract import NeuronModel, PoissonInput, TimedInput
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.rules.contract import split_unit
from threefactor.rules.language import parse_equations

Floats = NDArray[np.float64]

#: Time to rest before a spike arrives, and length of the record of its PSP, ms.
REST_MS, PSP_MS = 100, 200
#: Time by the drive before anything is measured; of each of the two windows in which spikes are
#: counted; of waiting for a spike, ms.
SETTLING_MS, COUNTING_MS, WAITING_MS = 200, 400, 300
#: A told rate that makes an input neuron spike in every timestep.
EVERY_STEP_HZ = 1e9

_NEVER = "t < 0*second"
_ONCE = f"abs(t - {SETTLING_MS}*ms) < 0.5*dt"
_WAITING = "\nsurvival : 1\nwaited : second\n"
_WAIT = "\nwaited += survival*dt\nsurvival *= 1 - p\n"
_BEGIN_TO_WAIT = "\nsurvival = 1\nwaited = 0*second\n"


def measure_psps(neuron: NeuronModel, port: str, weights: Floats, division: int) -> Floats:
    """Return what one spike adds to the membrane of a neuron that does not spike.

    Neurons with the same noise and no input are subtracted.

    Parameters
    ----------
    weights : (n,)
    division : int
        Timesteps in one ms.

    Returns
    -------
    (PSP_MS*division, n) in SI units, at the end of every timestep from the arrival of the spike on.
    """
    silent = _changed(neuron, threshold=_NEVER) if neuron.threshold else neuron
    told = np.full((2, 1), math.inf)
    record = []
    opened = _open(silent, TimedInput(), weights.size, division, port, 2)
    with closing(opened) as network, np.errstate(all="ignore"):  # a step finds what is not finite
        network.replicated("wires.w")[0] = weights
        network.advance(told, REST_MS * division)
        told[...] = 0.0
        for _ in range(PSP_MS * division):
            network.advance(told, 1)
            with_spike, without = network.replicated(f"neuron.{neuron.membrane}")
            record.append(with_spike - without)
            told[...] = math.inf
    return np.array(record)


def measure_rates(neuron: NeuronModel, drives: Floats, division: int, copies: int = 1) -> Floats:
    """Return the steady rates by constant drives, Hz, (n,).

    Neurons with a firing probability ``p``: one by the mean time from a spike to the next,
    ``dt*sum(survival)`` within WAITING_MS, without a draw. Others: by the intervals between spikes.

    Parameters
    ----------
    drives : (n,)
        Added to the field `drive`; without one, the sum of weights that arrive in each ms.
    division : int
        Timesteps in one ms.
    copies : int, default 1
        Neurons at each drive, if they are noisy and have no firing probability.
    """
    has_hazard = bool(neuron.noise) and "p" in parse_equations(neuron.equations).units
    copies = copies if neuron.noise and not has_hazard else 1
    tried = _waiting(neuron) if has_hazard else neuron
    opened = _driven(tried, np.repeat(drives, copies), division)
    with closing(opened) as network, np.errstate(all="ignore"):  # a step finds what is not finite
        told = np.full((1, 1), EVERY_STEP_HZ)
        network.advance(told, SETTLING_MS * division)
        if has_hazard:
            network.advance(told, WAITING_MS * division)
            return 1 / network.replicated("neuron.waited")[0]
        return _counted(network, told, COUNTING_MS * division, copies)


def drive_of(neuron: NeuronModel) -> str:
    """Return the field that is the neuron's constant drive; "": it has none."""
    return next((f.name for f in fields(neuron) if split_unit(f.name)[0] == neuron.drive), "")


def _counted(network: Network, told: Floats, steps: int, copies: int) -> Floats:
    """Return spikes over the time between the first ones of two windows, Hz, for each drive."""
    network.advance(told, steps)
    count, first = (network.replicated(f"neuron.{n}")[0] for n in ("spike_count", "first_spike"))
    n_spikes, start = count.copy(), first.copy()
    network.advance(told, steps)
    is_active = (n_spikes > 0) & (count > 0)
    n_spikes[~is_active] = 0.0
    times = np.where(is_active, first - start, 0.0)
    n_spikes, times = (values.reshape(-1, copies).sum(axis=1) for values in (n_spikes, times))
    return n_spikes / np.where(n_spikes > 0, times, 1.0)


def _driven(neuron: NeuronModel, drives: Floats, division: int) -> Network:
    field = drive_of(neuron)
    parameter, _, factor = split_unit(field)
    port = "" if field else next(iter(neuron.ports))
    network = _open(neuron, PoissonInput(), drives.size, division, port, parameter=parameter)
    if field:
        network.replicated(f"neuron.{parameter}")[...] = (getattr(neuron, field) + drives) * factor
    else:
        network.replicated("wires.w")[...] = drives / division
    return network


def _open(
    neuron: NeuronModel,
    source: NeuronModel,
    size: int,
    division: int,
    port: str,
    replicas: int = 1,
    parameter: str = "",
) -> Network:
    """Return neurons with a parameter each, or a synapse each from one input; all noise alike."""
    group = Population(
        "neuron", size, neuron, heterogeneity={parameter: 0.0} if parameter else {},
        times_first_spike=bool(neuron.threshold),
    )  # fmt: skip
    wires = Projection(
        "wires", "input", "neuron", **all_to_all(1, size), weights=np.zeros(size), port=port
    )
    spec = NetworkSpec(
        (Population("input", 1, source), group), (wires,) if port else (), output="input",
        timestep_ms=1 / division,
    )  # fmt: skip
    return Network(spec, [0] * replicas, [0] * replicas, ENGINE)


def _waiting(neuron: NeuronModel) -> NeuronModel:
    """Return a neuron that spikes once, and then knows the mean time to the next spike."""
    return _changed(
        neuron,
        equations=neuron.equations + _WAITING,
        before_threshold=neuron.before_threshold + _WAIT,
        threshold=_ONCE,
        reset=neuron.reset + _BEGIN_TO_WAIT,
    )


def _changed(neuron: NeuronModel, **strings: str) -> NeuronModel:
    """Return a neuron of the same parameters and other strings."""
    kind = type(neuron)
    changed: type[NeuronModel] = dataclass(frozen=True)(type(kind.__name__, (kind,), strings))
    return changed(**{field.name: getattr(neuron, field.name) for field in fields(neuron)})
