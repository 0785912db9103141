"""Make reference_nest.json: what NEST's synapses do with fixed spike trains.

Run with a Python that has NEST: `python tests/rules/reference_nest.py`. Times are those at the
synapse: NEST's delay is dendritic, so postsynaptic spikes reach it one delay late, presynaptic
spikes at once. NEST moves a weight at presynaptic spikes only; every train ends with one.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
RESOLUTION_MS, DELAY_MS, DURATION_MS = 0.1, 1.0, 600.0
PRE_MS = [12.3, 31.0, 55.5, 80.2, 101.9, 140.4, 143.6, 210.7, 260.1, 330.8, 405.3, 551.0]
POST_MS = [20.1, 28.8, 60.4, 78.3, 110.0, 138.9, 150.2, 222.2, 250.5, 340.6, 398.7, 441.3]
DOPAMINE_MS = [80.0, 300.0]
SAMPLES_MS = [20.0 * k for k in range(1, 30)]
MODELS = {
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
    "stdp-triplet": {"tau_minus": 33.7, "tau_minus_triplet": 125.0},
    "stdp-inhibitory": {"tau_minus": 20.0},
    "dopamine-stdp-kinetic": {"tau_minus": 20.0},
}


def simulate(nest, name):
    """Return {"weight": [...], ...} of one synapse at SAMPLES_MS."""
    model, parameters = MODELS[name]
    parameters = dict(parameters)
    nest.ResetKernel()
    nest.resolution = RESOLUTION_MS

    def relay(times):
        source = nest.Create("spike_generator", params={"spike_times": times})
        parrot = nest.Create("parrot_neuron")
        nest.Connect(source, parrot, syn_spec={"delay": DELAY_MS})
        return parrot

    # the parrot spikes one delay after its generator
    pre = relay([t - DELAY_MS for t in PRE_MS])
    post = relay([t - 2 * DELAY_MS for t in POST_MS])  # and its spike returns one delay later
    post.set(POST_NEURON[name])
    names = ["weight"]
    if "dopamine" in name:
        transmitter = nest.Create("volume_transmitter")
        source = relay([t - 2 * DELAY_MS for t in DOPAMINE_MS])
        nest.Connect(source, transmitter, syn_spec={"delay": DELAY_MS})
        common = {key: parameters.pop(key) for key in COMMON if key in parameters}
        nest.CopyModel(model, "modulated", {"volume_transmitter": transmitter, **common})
        model, names = "modulated", ["weight", "c", "n"]
    nest.Connect(
        pre, post,
        syn_spec={"synapse_model": model, "delay": DELAY_MS, "receptor_type": 1, **parameters},
    )  # fmt: skip
    synapse = nest.GetConnections(pre, post)
    rows = []
    for before, now in zip([0.0, *SAMPLES_MS], SAMPLES_MS, strict=False):
        nest.Simulate(now - before)
        rows.append([float(synapse.get(wanted)) for wanted in names])
    return dict(zip(names, np.array(rows).T.tolist(), strict=True))


def simulate_all():
    """Return {rule name: samples} and NEST's version."""
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    return {name: simulate(nest, name) for name in MODELS} | {"version": nest.__version__}


if __name__ == "__main__":
    FILE.write_text(json.dumps(simulate_all(), indent=1) + "\n")
