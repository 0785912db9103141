"""Worker: 40 Poisson -> 20 LIF with 800 R-STDP synapses in ANNarchy 5; `annarchy_loop.py MS`.

Run by the Python that has ANNarchy (see `closed_loop.py --annarchy-python`). The equations are
those of our rule `rstdp-et`; ANNarchy has no block that runs on request, so the weights follow the
reward in every step.
"""

import importlib.util  # noqa: F401  (ANNarchy 5.0 on Python 3.11 needs it imported first)
import itertools
import math
import os
import random
import sys
import tempfile

from pacing import Pacer

os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import ANNarchy as ann  # noqa: N813

N_INPUTS, N_OUTPUTS = 40, 20
window_ms = float(sys.argv[1])

network = ann.Network(dt=1.0, seed=1)
inputs = network.create(ann.PoissonPopulation(N_INPUTS, rates=15.0))
lif = ann.Neuron(
    parameters={"leak": 1 - math.exp(-1 / 20.0), "v_rest": -70.0, "v_threshold": -54.0},
    equations=[
        ann.Variable("v += (v_rest - v)*leak + g_exc", init=-70.0),
        ann.Variable("n = n", init=0.0),
    ],
    spike="v >= v_threshold",
    reset=["v = v_rest", "n += 1.0"],
)
neurons = network.create(N_OUTPUTS, lif)
rule = ann.Synapse(
    parameters={
        "tau_plus": 20.0, "tau_minus": 20.0, "tau_eligibility": 25.0, "learning_rate": 1e-4,
        "reward": ann.Parameter(0.0, locality="global"), "w_max": 3.0,
    },
    equations=[
        ann.Variable("tau_plus*dpre_trace/dt = -pre_trace", method="event-driven"),
        ann.Variable("tau_minus*dpost_trace/dt = -post_trace", method="event-driven"),
        ann.Variable("tau_eligibility*deligibility/dt = -eligibility", method="exponential"),
        ann.Variable("w = clip(w + learning_rate*reward*eligibility, 0.0, w_max)"),
    ],
    pre_spike=["g_target += w", "pre_trace += 1.0", "eligibility -= post_trace/tau_eligibility"],
    post_spike=["post_trace += 1.0", "eligibility += pre_trace/tau_eligibility"],
)  # fmt: skip
synapses = network.connect(inputs, neurons, "exc", rule)
synapses.all_to_all(weights=ann.Uniform(0.5, 1.5))
with tempfile.TemporaryDirectory(prefix="annarchy-") as folder:
    network.compile(directory=folder, silent=True)

draw = random.Random(0)
rates = [[draw.uniform(0, 30) for _ in range(N_INPUTS)] for _ in range(64)]
rewards = [draw.uniform(-1, 1) / window_ms for _ in range(64)]
windows, pacer, total = itertools.cycle(zip(rates, rewards, strict=True)), Pacer(), 0.0
while pacer.is_wanted():
    rate, reward = next(windows)
    inputs.rates = rate
    synapses.reward = reward
    neurons.n = 0.0
    network.simulate(window_ms)
    total += neurons.n[0]
