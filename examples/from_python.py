"""The library from Python: train, look at arrays, write a rule, evaluate. Run it from any folder.

What is done here is explained in docs/from_python.md.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

import threefactor
from threefactor import Rule

# Settings are named as on the command line; what is not named is of a preset, or a default.
task: dict[str, Any] = {
    "env": "Identity-v0", "episodes": 20, "replicas": 3, "window_ms": 10.0,
    "encoder": {"name": "one-hot", "rate_max_hz": 1000.0},
    "model": {"name": "feed-forward", "resets": "decision"}, "modulator": "reward-baseline",
}  # fmt: skip

options: dict[str, Any] = {"rule.learning_rate": 0.5}
run = threefactor.train(task, rule="reinforce", **options)
print(run.report())

# Every number of a run is an array: (replicas, episodes), (snapshots, synapses), (spikes,).
print("returns of the last five episodes:", run.returns[:, -5:].mean(axis=1))
weights = run.weights("policy")
print("mean change of a weight:", np.mean(weights.values[-1] - weights.values[0]))
spikes = run.spikes("actor")
print("spikes of each neuron:", np.bincount(spikes.neuron, minlength=run.populations["actor"]))
run.figures()["raster"].savefig(run.path / "raster.png")


@dataclass(frozen=True)
class Balanced(Rule):
    """Reward-modulated Hebb with depression at every presynaptic spike.

    Parameters
    ----------
    learning_rate : float, default 0.1
        Weight change per unit of eligibility for third factor 1, >= 0.
    tau_trace_ms : float, default 20.0
        How long before a spike an input still counts, ms, > 0.
    tau_eligibility_ms : float, default 10.0
        How long before its reward a spike still counts, ms, > 0.
    depression : float, default 1.0
        What a presynaptic spike takes from the eligibility, >= 0.

    Source
    ------
    Written for this example.
    """

    learning_rate: float = 0.1
    tau_trace_ms: float = 20.0
    tau_eligibility_ms: float = 10.0
    depression: float = 1.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_trace : 1"
    pre_on_spike = "pre_trace += 1"
    equations = "deligibility/dt = -eligibility/tau_eligibility : 1"
    on_pre = "eligibility -= depression"
    on_post = "eligibility += pre_trace"
    consolidate = "w += learning_rate*third_factor*eligibility"


print(threefactor.check(Balanced, engine=["runtime-numpy"]).report())
own = threefactor.train(task, rule=Balanced)
control = threefactor.train(task, rule=Balanced, control="shuffled")
for name, result in {"own rule": own, "shuffled reward": control}.items():
    print(f"{name}: {result.returns[:, -5:].mean():.1f}")

evaluation = threefactor.evaluate(own, episodes=5)
print(evaluation.report())
print(evaluation.returns)
