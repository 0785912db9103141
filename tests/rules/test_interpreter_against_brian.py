"""The interpreter and the assembled Brian2 network agree on random and coincident spikes.

A few rules at a time learn side by side, each in a projection of its own, from one pair of
populations whose spikes do not depend on weights: one build serves several rules.
"""

from dataclasses import dataclass, replace
from functools import cache

import brian2
import numpy as np
import pytest

from threefactor.models.assembly import assemble
from threefactor.models.engine.brian_objects import build_objects
from threefactor.models.engine.noise import stream_ids, uniform
from threefactor.models.neurons.contract import NeuronModel
from threefactor.models.specification import (
    NetworkSpec,
    Population,
    Projection,
    Uniform,
    all_to_all,
)
from threefactor.rules import RULES
from threefactor.rules.interpreter import Activity, Schedule, Wiring, interpret
from threefactor.rules.language import parse_equations
from threefactor.rules.updates import Adam, SoftBounds, WeightUpdate

N_PRE, N_POST, WINDOW, CHUNK = 7, 5, 20, 10
ENDS = WINDOW * np.arange(1, 5)
EPISODE_END = 1
# more in one network cost more than several networks: their equations are solved jointly
TOGETHER = 3
SMALL = {
    "dopamine-stdp": 0.05, "reinforce": 0.01, "reinforce-sign": 0.01, "td-critic": 0.005,
    "stdp-triplet": 0.5, "stdp-voltage": 0.02, "stdp-inhibitory": 2e-3, "rmax": 0.01,
    "population-agreement": 0.01,
    "hebbian-bias": 0.01, "eprop": 1e-4, "eprop-reward": 1e-4, "exploratory-hebb": 1e-7,
    "homeostatic-scaling": 0.02,
}  # fmt: skip
OPTIONS = {
    "eprop": {"rate_regularisation": 3.0},
    "hedonistic": {"facilitation_jump": 0.4},
    "dopamine-stdp-kinetic": {"weight_period_ms": float(CHUNK), "baseline": 0.001},
    "td-ltp-continuous": {"weight_period_ms": float(CHUNK)},
}
UPDATES = {"stdp_nearest": SoftBounds(0.5), "rmax": Adam(step_size=0.01)}
LATE = ("rstdp-et", "reinforce", "eprop")
WRITTEN = ("agreement", "learning_signal")


@dataclass(frozen=True)
class Puppet(NeuronModel):
    """Spikes at random times that do not depend on its input; exposes what any rule may ask for."""

    probability: float = 0.3
    tau_psp_ms: float = 7.0
    tau_adaptation_ms: float = 30.0
    v_low_mv: float = -80.0
    v_high_mv: float = -30.0
    equations = """z : 1
    p : 1
    score : 1
    psi : 1
    psi_adaptation : 1
    perturbation : 1
    v : volt
    received : 1
    rates : hertz"""
    before_threshold = """z = int(uniform(spike_stream, t_in_timesteps) < probability)
    p = probability
    score = z - probability
    perturbation = gaussian(kick_stream, t_in_timesteps)
    psi = uniform(kick_stream, t_in_timesteps)
    psi_adaptation = 0.2*psi
    v = v_low + (v_high - v_low)*psi"""
    threshold = "z > 0.5"
    noise = ("spike", "kick")
    ports = {"current": "received += w"}
    sensitivity_equations = "dsensitivity/dt = -sensitivity/tau_psp : 1"
    sensitivity_on_pre = "sensitivity += 1"
    sensitivity_on_post = "sensitivity = 0"


def make_rule(name):
    return replace(RULES[name](), learning_rate=SMALL.get(name, 0.05), **OPTIONS.get(name, {}))


class Network:
    """The assembled network of several rules, driven by hand."""

    def __init__(self, names, suffix):
        self.rules = {name.replace("-", "_"): make_rule(name) for name in names}
        spec = NetworkSpec(
            (
                Population("input", N_PRE, Puppet()),
                Population("actor", N_POST, Puppet(), modules=np.arange(N_POST)),
            ),
            tuple(
                Projection(
                    name, "input", "actor", **all_to_all(N_PRE, N_POST),
                    weights=Uniform(0, 1), w_min=0.0, w_max=1.0, rule=rule,
                    update=UPDATES.get(name, WeightUpdate()),
                )
                for name, rule in self.rules.items()
            ),
        )  # fmt: skip
        self.plan = assemble(spec)
        self.brian = build_objects(self.plan, suffix)
        self.set_initial_values()
        required = sorted({n for rule in self.rules.values() for n in rule.requires})
        owners = self.brian.owners
        self.monitors = {n: brian2.SpikeMonitor(owners[n]) for n in ("input", "actor")}
        actor = [name for name in required if name not in ("sensitivity", "tau_adaptation")]
        self.states = {
            "actor": brian2.StateMonitor(
                owners["actor"], actor, record=True, when="synapses", order=-1
            )
        }
        for name, rule in self.rules.items():
            if "sensitivity" in rule.requires and "sensitivity" not in self.states:
                self.states["sensitivity"] = brian2.StateMonitor(
                    owners[name], "sensitivity", record=True, when="synapses", order=-1
                )
        self.brian.network.add(*self.monitors.values(), *self.states.values())
        for runner in self.brian.demand.values():
            runner.before_run({})

    def set_initial_values(self):
        for name, value in self.plan.data.items():
            self.array(name)[...] = value
        for owner, purpose in self.plan.noise:
            array = self.array(f"{owner}.{purpose}_stream")
            array[...] = stream_ids(7, owner, purpose, array.size)
        self.w0 = np.random.default_rng(8).uniform(0.0, 1.0, N_PRE * N_POST)
        for name in self.rules:
            self.array(f"{name}.w")[...] = self.w0

    def array(self, name):
        owner, _, variable = name.partition(".")
        return self.brian.owners[owner].variables[variable].get_value()

    def blocks(self, kind, clocked=False):
        for name, runner in self.brian.demand.items():
            if name.startswith(f"{kind}:") and (name in self.plan.periods_ms) == clocked:
                runner.codeobj()

    def run(self, schedule):
        """Simulate everything in one call, since each call generates all code anew."""

        @brian2.network_operation(clock=self.brian.owners["actor"].clock, when="end", order=100)
        def between_steps():
            done = len(self.states["actor"].t)
            if done % CHUNK == 0:
                self.blocks("consolidate", clocked=True)
            if done % WINDOW == 0:
                self.close_window(done // WINDOW - 1, schedule)

        self.brian.network.add(between_steps)
        self.brian.network.run(ENDS[-1] * brian2.ms, namespace={})

    def close_window(self, number, schedule):
        self.blocks("settle")
        self.blocks("settled")
        if schedule.is_late and number > 0 and number - 1 not in schedule.episode_ends:
            self.deliver(schedule.third_factors[number - 1])
        self.decide(schedule.writes["agreement"][number])
        ends = number in schedule.episode_ends
        if not schedule.is_late or ends:
            self.deliver(schedule.third_factors[number])
        if ends:
            self.blocks("episode")
            self.reset("episode")
            self.array("actor.third_factor")[...] = 0

    def deliver(self, third_factor):
        self.array("actor.third_factor")[...] = third_factor
        self.blocks("deliver")
        self.blocks("consolidate")

    def decide(self, written):
        for address in self.plan.resets:
            if address.endswith(WRITTEN):
                self.array(address)[...] = written
        self.blocks("decision")
        self.reset("decision")

    def reset(self, wanted):
        for name, policy in self.plan.resets.items():
            if policy == wanted and not name.endswith(("sensitivity", "spike_count")):
                owner, _, variable = name.partition(".")
                if owner not in ("input", "actor") or variable.startswith(tuple(self.rules)):
                    self.array(name)[...] = 0

    def activity(self, name):
        steps, sizes = ENDS[-1], {"input": N_PRE, "actor": N_POST}
        trains = []
        for owner, size in sizes.items():
            monitor, spikes = self.monitors[owner], np.zeros((steps, size), bool)
            spikes[np.rint(monitor.t / brian2.ms).astype(int), monitor.i] = True
            trains.append(spikes)
        variables = {}
        for wanted in self.rules[name].requires:
            if wanted == "tau_adaptation":
                variables[wanted] = np.full((steps, N_POST), 0.03)
            else:
                owner = "sensitivity" if wanted == "sensitivity" else "actor"
                variables[wanted] = np.array(getattr(self.states[owner], f"{wanted}_")).T
        for purpose in self.rules[name].noise:
            streams = self.array(f"{name}.{purpose}_stream")
            variables[purpose] = uniform(streams[None, :], np.arange(steps)[:, None])
        return Activity(*trains, variables)


def run_network(names, schedule, suffix):
    previous = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    try:
        network = Network(names, suffix)
        network.run(schedule)
    finally:
        brian2.prefs.codegen.target = previous
    return network


def make_schedule(is_late):
    rng = np.random.default_rng(9)
    written = rng.choice([-1.0, 1.0], (len(ENDS), N_POST))
    factors = rng.normal(size=(len(ENDS), N_POST))
    writes = {name: written for name in WRITTEN}
    return Schedule(ENDS, factors, is_late, (EPISODE_END, len(ENDS) - 1), writes)


@cache
def shared_run(is_late, batch):
    names = LATE if is_late else tuple(RULES)[batch * TOGETHER : (batch + 1) * TOGETHER]
    return run_network(names, make_schedule(is_late), f"_oracle{int(is_late)}_{batch}")


def variables_of(network, name):
    rule, arrays = network.rules[name], {}
    places = (("pre_equations", "input"), ("post_equations", "actor"), ("equations", name))
    for block, owner in places:
        prefix = "" if owner == name else f"{name}_"
        for variable in parse_equations(getattr(rule, block)).units:
            arrays[variable] = network.array(f"{owner}.{prefix}{variable}")
    return arrays


@pytest.mark.parametrize(
    ("name", "is_late"), [*((name, False) for name in RULES), *((name, True) for name in LATE)]
)
def test_weights_and_variables_agree(name, is_late):
    batch = 0 if is_late else list(RULES).index(name) // TOGETHER
    network, schedule = shared_run(is_late, batch), make_schedule(is_late)
    name = name.replace("-", "_")
    rule, activity = network.rules[name], network.activity(name)
    written = {k: v for k, v in schedule.writes.items() if k in rule.post_equations}
    schedule = replace(schedule, writes=written)
    assert np.any(activity.pre_spikes[:, :, None] & activity.post_spikes[:, None, :])
    update = UPDATES.get(name, WeightUpdate())
    wiring = Wiring(**all_to_all(N_PRE, N_POST), w=network.w0, w_min=0, w_max=1, update=update)
    run = interpret(rule, activity, wiring, schedule)
    np.testing.assert_allclose(network.array(f"{name}.w"), run.w, rtol=0, atol=1e-9)
    assert np.mean((run.w > 0) & (run.w < 1)) > 0.2  # not all at a bound
    assert np.abs(run.w - network.w0).max() > 1e-4
    brian_variables = variables_of(network, name)
    assert set(brian_variables) == set(run.variables)
    for variable, values in run.variables.items():
        np.testing.assert_allclose(
            brian_variables[variable], values, rtol=1e-12, atol=1e-9, err_msg=variable
        )
