"""Make reference_nest.json: what NEST's synapses do with fixed spike trains and voltages.

Run with a Python that has NEST: `python tests/rules/reference_nest.py`. Times are those at the
synapse: NEST's delay is dendritic, so postsynaptic spikes reach it one delay late, presynaptic
spikes at once. NEST moves a weight at presynaptic spikes only; every train ends with one.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
RESOLUTION_MS, DELAY_MS, DURATION_MS = 0.1, 1.0, 600.0
PRE_MS = [12.3, 31.0, 55.5, 80.2, 101.9, 140.4, 143.6, 210.7, 260.1, 330.8, 405.3, 551.0]
POST_MS = [20.1, 28.8, 60.4, 78.3, 110.0, 138.9, 150.2, 222.2, 250.5, 340.6, 398.7, 441.3]
DOPAMINE_MS = [80.0, 300.0]
SAMPLES_MS = [20.0 * k for k in range(1, 30)]


@dataclass(frozen=True)
class Trains:
    """Spike times of one experiment, ms at the synapse, all multiples of RESOLUTION_MS."""

    pre_ms: list
    post_ms: list
    dopamine_ms: list
    delay_ms: float = DELAY_MS


def regular(first, rate_hz, last, jitter, seed):
    """Return spikes of a rate, each moved by up to `jitter` ms, from `first` to `last`."""
    times = np.arange(first, last, 1000.0 / rate_hz)
    moves = np.random.default_rng(seed).uniform(-jitter, jitter, times.size)
    return np.unique(np.round(times + moves, 1)).tolist()


_FAST = (regular(20, 50, 540, 9, 1), regular(25, 50, 540, 9, 4))
assert not set(_FAST[0]) & set(_FAST[1]), "only `coincidences` are to have coincidences"
TRAINS = {
    "sparse": Trains(PRE_MS, POST_MS, DOPAMINE_MS),
    "bursts": Trains(
        [t + 4.0 * k for t in (40.3, 201.1, 420.9) for k in range(5)] + [551.0],
        [t + 5.1 * k for t in (48.8, 190.2, 430.4) for k in range(4)],
        [60.0, 62.0, 64.0, 450.0],
    ),
    "silences": Trains([15.2, 330.4, 551.0], [18.9, 333.3], [400.0]),
    "50 Hz": Trains([*_FAST[0], 551.0], _FAST[1], [80.0, 81.0, 300.0]),
    "coincidences": Trains(
        [20.0, 60.0, 61.0, 140.0, 200.0, 330.0, 551.0], [20.0, 61.0, 62.0, 140.0, 200.1, 329.9],
        [61.0, 140.0],
    ),
    "delay of 5 ms": Trains(PRE_MS, POST_MS, DOPAMINE_MS, 5.0),
    "delay of one timestep": Trains([*_FAST[0], 551.0], _FAST[1], [80.0, 81.0, 300.0], 0.1),
}  # fmt: skip
PAIRS = {
    "weight": 60.0, "Wmax": 1000.0, "tau_plus": 16.8, "lambda": 0.001, "alpha": 1.2,
    "mu_plus": 0.0, "mu_minus": 0.0,
}  # fmt: skip
MODELS = {
    "stdp": ("stdp_synapse", PAIRS),
    "stdp-nearest": ("stdp_nn_symm_synapse", PAIRS),
    "stdp-triplet": (
        "stdp_triplet_synapse",
        {
            "weight": 20.0, "Wmax": 1000.0, "tau_plus": 16.8, "tau_plus_triplet": 101.0,
            "Aplus": 0.5, "Aminus": 0.7, "Aplus_triplet": 6.2, "Aminus_triplet": 0.23,
        },
    ),
    "stdp-inhibitory": (
        "vogels_sprekeler_synapse",
        {"weight": 5.0, "Wmax": 1000.0, "eta": 0.3, "alpha": 0.2, "tau": 20.0},
    ),
    "dopamine-stdp-kinetic": (
        "stdp_dopamine_synapse",
        {
            "weight": 10.0, "Wmax": 1000.0, "Wmin": -1000.0, "tau_plus": 20.0, "tau_c": 1000.0,
            "tau_n": 200.0, "A_plus": 1.0, "A_minus": 1.5, "b": 0.002,
        },
    ),
}  # fmt: skip
COMMON = ("A_plus", "A_minus", "tau_plus", "tau_c", "tau_n", "b", "Wmax", "Wmin")
POST_NEURON = {
    "stdp": {"tau_minus": 33.7},
    "stdp-nearest": {"tau_minus": 33.7},
    "stdp-triplet": {"tau_minus": 33.7, "tau_minus_triplet": 125.0},
    "stdp-inhibitory": {"tau_minus": 20.0},
    "dopamine-stdp-kinetic": {"tau_minus": 20.0},
}
#: NEST keeps depression of one delay only, so its delay must be one timestep (dendritic).
VOLTAGE_DELAY_MS = RESOLUTION_MS
CLOPATH = {
    "theta_minus": -70.6, "theta_plus": -45.3, "A_LTD": 14e-5, "A_LTP": 8e-5,
    "tau_u_bar_minus": 10.0, "tau_u_bar_plus": 7.0, "delay_u_bars": 0.0,
}  # fmt: skip
#: Postsynaptic neurons: a membrane without currents that only input moves, so that its voltage is
#: constant within every timestep; NEST's own neuron with its own spikes.
VOLTAGE_NEURON = {
    "stdp-voltage, held": {
        "V_m": -70.6, "E_L": -70.6, "g_L": 0.0, "Delta_T": 0.0, "a": 0.0, "V_peak": 1e4,
        "V_th_rest": 9e3, "V_th_max": 9e3, "t_clamp": 0.0,
    },
    "stdp-voltage, spiking": {"V_m": -70.6, "E_L": -70.6},
}  # fmt: skip
VOLTAGE_SAMPLES_MS = {"stdp-voltage, held": SAMPLES_MS, "stdp-voltage, spiking": SAMPLES_MS[:9]}


def simulate(nest, name, trains):
    """Return {"weight": [...], ...} of one synapse at SAMPLES_MS."""
    delay = trains.delay_ms
    model, parameters = MODELS[name]
    parameters = dict(parameters)
    nest.ResetKernel()
    nest.resolution = RESOLUTION_MS

    def relay(times):
        source = nest.Create("spike_generator", params={"spike_times": times})
        parrot = nest.Create("parrot_neuron")
        nest.Connect(source, parrot, syn_spec={"delay": delay})
        return parrot

    # the parrot spikes one delay after its generator, and a postsynaptic spike returns one later
    pre = relay([round(t - delay, 1) for t in trains.pre_ms])
    post = relay([round(t - 2 * delay, 1) for t in trains.post_ms])
    post.set(POST_NEURON[name])
    names = ["weight"]
    if "dopamine" in name:
        transmitter = nest.Create("volume_transmitter")
        source = relay([round(t - 2 * delay, 1) for t in trains.dopamine_ms])
        nest.Connect(source, transmitter, syn_spec={"delay": delay})
        common = {key: parameters.pop(key) for key in COMMON if key in parameters}
        nest.CopyModel(model, "modulated", {"volume_transmitter": transmitter, **common})
        model, names = "modulated", ["weight", "c", "n"]
    nest.Connect(
        pre, post,
        syn_spec={"synapse_model": model, "delay": delay, "receptor_type": 1, **parameters},
    )  # fmt: skip
    synapse = nest.GetConnections(pre, post)
    rows = []
    for before, now in zip([0.0, *SAMPLES_MS], SAMPLES_MS, strict=False):
        nest.Simulate(now - before)
        rows.append([float(synapse.get(wanted)) for wanted in names])
    return dict(zip(names, np.array(rows).T.tolist(), strict=True))


def staircase():
    """Return times (ms) and jumps (mV) of a voltage with spikes: a peak, then a fall in steps."""
    levels = {}
    for spike in POST_MS:
        levels[spike] = 30.0
        levels |= {spike + 2 + k: -50.0 - 3 * k for k in range(8)}
    times = sorted(levels)
    return times, np.diff([-70.6] + [levels[t] for t in times]).tolist()


def simulate_voltage(nest, name):
    """Return the weight of one Clopath synapse at its samples and the voltage where it changes."""
    nest.ResetKernel()
    nest.resolution = RESOLUTION_MS
    neuron = nest.Create("aeif_psc_delta_clopath", 1, VOLTAGE_NEURON[name] | CLOPATH)
    times, jumps = staircase() if "held" in name else (POST_MS, [30.0] * len(POST_MS))
    at = [round(t - VOLTAGE_DELAY_MS, 1) for t in times]
    source = nest.Create("spike_generator", 1, {"spike_times": at, "spike_weights": jumps})
    nest.Connect(source, neuron, syn_spec={"delay": VOLTAGE_DELAY_MS})
    at = [round(t - VOLTAGE_DELAY_MS, 1) for t in PRE_MS]
    generator = nest.Create("spike_generator", params={"spike_times": at})
    pre = nest.Create("parrot_neuron")
    nest.Connect(generator, pre, syn_spec={"delay": VOLTAGE_DELAY_MS})
    synapse = {"synapse_model": "clopath_synapse", "weight": 0.5, "tau_x": 15.0}
    nest.Connect(pre, neuron, syn_spec=synapse | {"delay": VOLTAGE_DELAY_MS})
    meter = nest.Create("multimeter", 1, {"record_from": ["V_m"], "interval": RESOLUTION_MS})
    nest.Connect(meter, neuron, syn_spec={"delay": VOLTAGE_DELAY_MS})
    weights, samples = [], VOLTAGE_SAMPLES_MS[name]
    for before, now in zip([0.0, *samples], samples, strict=False):
        nest.Simulate(now - before)
        weights.append(float(nest.GetConnections(pre, neuron).get("weight")))
    steps = np.rint(meter.events["times"] / RESOLUTION_MS).astype(int)
    v = meter.events["V_m"].round(12 if "held" in name else 6)
    new = np.flatnonzero(np.diff(v, prepend=np.nan))
    return {"weight": weights, "step": steps[new].tolist(), "v": v[new].tolist()}


def simulate_all():
    """Return {"rule, trains": samples} and NEST's version."""
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    samples = {
        f"{name}, {label}": simulate(nest, name, trains)
        for name in MODELS
        for label, trains in TRAINS.items()
    }
    samples |= {name: simulate_voltage(nest, name) for name in VOLTAGE_NEURON}
    return samples | {"version": nest.__version__}


if __name__ == "__main__":
    entries = (f"{json.dumps(name)}: {json.dumps(v)}" for name, v in simulate_all().items())
    FILE.write_text("{\n" + ",\n".join(entries) + "\n}\n")
