"""Worker: 40 Poisson -> 20 LIF with 800 dopamine-STDP synapses in NEST 3; `nest_loop.py MS`.

Run by the Python that has NEST (see `closed_loop.py --nest-python`). Not the same equations: NEST's
`stdp_dopamine_synapse` gets its third factor as spikes through a volume transmitter, so a window
with positive reward ends with one dopamine spike. Rates in, reward in, counts out per window.
"""

import itertools
import random
import sys

import nest
from pacing import Pacer

N_INPUTS, N_OUTPUTS = 40, 20
window_ms = float(sys.argv[1])

nest.ResetKernel()
nest.set_verbosity("M_ERROR")
nest.resolution = 1.0
generators = nest.Create("poisson_generator", N_INPUTS, {"rate": 15.0})
inputs = nest.Create("parrot_neuron", N_INPUTS)
neurons = nest.Create(
    "iaf_psc_delta", N_OUTPUTS,
    {"E_L": -70.0, "V_th": -54.0, "V_reset": -70.0, "tau_m": 20.0, "t_ref": 1.0, "tau_minus": 20.0},
)  # fmt: skip
dopamine_times = nest.Create("spike_generator")
dopamine = nest.Create("parrot_neuron")
transmitter = nest.Create("volume_transmitter", {"deliver_interval": 1})
recorder = nest.Create("spike_recorder")
nest.Connect(generators, inputs, "one_to_one", {"delay": 1.0})
nest.Connect(dopamine_times, dopamine, "one_to_one", {"delay": 1.0})
nest.Connect(dopamine, transmitter, "all_to_all", {"delay": 1.0})
nest.Connect(neurons, recorder, "all_to_all", {"delay": 1.0})
nest.CopyModel(
    "stdp_dopamine_synapse", "rule",
    {"volume_transmitter": transmitter, "A_plus": 1e-4, "A_minus": 1e-4, "tau_c": 25.0,
     "tau_n": 10.0, "tau_plus": 20.0, "b": 0.0, "Wmin": 0.0, "Wmax": 3.0},
)  # fmt: skip
weights = nest.random.uniform(0.5, 1.5)
nest.Connect(
    inputs, neurons, "all_to_all", {"synapse_model": "rule", "weight": weights, "delay": 1.0}
)

draw = random.Random(0)
rates = [[draw.uniform(0, 30) for _ in range(N_INPUTS)] for _ in range(64)]
rewards = [draw.uniform(-1, 1) for _ in range(64)]
windows, pacer, now, total = itertools.cycle(zip(rates, rewards, strict=True)), Pacer(), 0.0, 0
first = neurons[0].global_id
while pacer.is_wanted():
    rate, reward = next(windows)
    generators.rate = rate
    if reward > 0:
        dopamine_times.spike_times = [now + window_ms - 1.0]
    nest.Simulate(window_ms)
    now += window_ms
    counts = [0] * N_OUTPUTS
    for sender in recorder.events["senders"]:
        counts[sender - first] += 1
    recorder.n_events = 0
    total += counts[0]
