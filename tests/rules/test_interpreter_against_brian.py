"""The interpreter and the assembled Brian2 network agree on random and coincident spikes."""

import itertools
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest

with warnings.catch_warnings():  # Brian2 2.9 uses names that pyparsing 3.3 deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    import brian2

    from models.engine.brian_objects import build_objects

from models.assembly import assemble
from models.engine.noise import stream_ids
from models.neurons.contract import NeuronModel
from models.specification import NetworkSpec, Population, Projection, Uniform, all_to_all
from rules import RULES
from rules.interpreter import Activity, Schedule, Wiring, interpret

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")
N_PRE, N_POST, WINDOW, CHUNK = 7, 5, 20, 10
ENDS = WINDOW * np.arange(1, 5)
SMALL = {"dopamine-stdp": 0.05, "reinforce": 0.01, "reinforce-sign": 0.01, "td-critic": 0.005}
SUFFIX = (f"_oracle{n}" for n in itertools.count())


@dataclass(frozen=True)
class Puppet(NeuronModel):
    """Spikes at random times that do not depend on its input."""

    probability: float = 0.3
    tau_psp_ms: float = 7.0
    equations = """z : 1
    score : 1
    received : 1"""
    before_threshold = """z = int(uniform(spike_stream, t_in_timesteps) < probability)
    score = z - probability"""
    threshold = "z > 0.5"
    noise = ("spike",)
    ports = {"current": "received += w"}
    sensitivity_equations = "dsensitivity/dt = -sensitivity/tau_psp : 1"
    sensitivity_on_pre = "sensitivity += 1"
    sensitivity_on_post = "sensitivity = 0"


@pytest.fixture(autouse=True)
def _numpy_target():
    previous = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield
    brian2.prefs.codegen.target = previous


class Network:
    """The assembled network of one rule, driven by hand."""

    def __init__(self, rule):
        spec = NetworkSpec(
            (Population("input", N_PRE, Puppet()), Population("actor", N_POST, Puppet())),
            (
                Projection(
                    "plastic", "input", "actor", **all_to_all(N_PRE, N_POST),
                    weights=Uniform(0, 1), w_min=0.0, w_max=1.0, rule=rule,
                ),
            ),
        )  # fmt: skip
        self.plan = assemble(spec)
        self.brian = build_objects(self.plan, next(SUFFIX))
        self.set_initial_values()
        self.monitors = {"input": brian2.SpikeMonitor(self.brian.owners["input"])}
        self.monitors["actor"] = brian2.SpikeMonitor(self.brian.owners["actor"])
        for owner, name in (("actor", "score"), ("plastic", "sensitivity")):
            if name in rule.requires:
                monitor = brian2.StateMonitor(
                    self.brian.owners[owner], name, record=True, when="synapses", order=-1
                )
                self.monitors[name] = monitor
        self.brian.network.add(*self.monitors.values())
        self.brian.prepare()

    def set_initial_values(self):
        for name, value in self.plan.data.items():
            self.array(name)[...] = value
        for owner, purpose in self.plan.noise:
            array = self.array(f"{owner}.{purpose}_stream")
            array[...] = stream_ids(7, owner, purpose, array.size)
        self.w0 = np.random.default_rng(8).uniform(0.0, 1.0, N_PRE * N_POST)
        self.array("plastic.w")[...] = self.w0

    def array(self, name):
        owner, _, variable = name.partition(".")
        return self.brian.owners[owner].variables[variable].get_value()

    def block(self, name):
        if name in self.brian.demand:
            self.brian.demand[name].codeobj()

    def window(self):
        for _ in range(WINDOW // CHUNK):
            self.brian.network.run(CHUNK * brian2.ms, namespace={})
            if self.plan.periods_ms:
                self.block("consolidate:plastic")
        self.block("settle:plastic")
        self.block("settled:plastic")

    def deliver(self, third_factor):
        self.array("actor.third_factor")[...] = third_factor
        self.block("deliver:plastic")
        if not self.plan.periods_ms:
            self.block("consolidate:plastic")

    def decide(self, agreement):
        if "actor.plastic_agreement" in self.plan.resets:
            self.array("actor.plastic_agreement")[...] = agreement
        self.block("decision:plastic")
        for name, policy in self.plan.resets.items():
            if policy == "decision":
                self.array(name)[...] = 0

    def activity(self):
        steps, sizes = ENDS[-1], {"input": N_PRE, "actor": N_POST}
        trains = []
        for owner, size in sizes.items():
            monitor, spikes = self.monitors[owner], np.zeros((steps, size), bool)
            spikes[np.rint(monitor.t / brian2.ms).astype(int), monitor.i] = True
            trains.append(spikes)
        names = [name for name in ("score", "sensitivity") if name in self.monitors]
        return Activity(*trains, {n: np.array(getattr(self.monitors[n], n)).T for n in names})


def run_network(rule, schedule):
    network = Network(rule)
    for number in range(len(ENDS)):
        network.window()
        if schedule.is_late and number > 0:
            network.deliver(schedule.third_factors[number - 1])
        network.decide(schedule.writes.get("agreement", np.zeros(len(ENDS)))[number])
        if not schedule.is_late:
            network.deliver(schedule.third_factors[number])
    if schedule.is_late:
        network.deliver(schedule.third_factors[-1])
    return network


def variables_of(network, rule):
    arrays = {}
    for block, owner, prefix in (
        ("pre_equations", "input", "plastic_"),
        ("post_equations", "actor", "plastic_"),
        ("equations", "plastic", ""),
    ):
        for line in getattr(rule, block).splitlines():
            name = line.strip().removeprefix("d").partition("/dt")[0].partition(" ")[0]
            arrays[name] = network.array(f"{owner}.{prefix}{name}")
    return arrays


@pytest.mark.parametrize(
    ("name", "is_late"), [*((name, False) for name in RULES), ("rstdp-et", True)]
)
def test_weights_and_variables_agree(name, is_late):
    rule = replace(RULES[name](), learning_rate=SMALL.get(name, 0.05))
    rng = np.random.default_rng(9)
    writes = {"agreement": rng.choice([-1.0, 1.0], (len(ENDS), N_POST))}
    schedule = Schedule(
        ENDS, rng.normal(size=(len(ENDS), N_POST)), is_late,
        writes=writes if "agreement" in rule.post_equations else {},
    )  # fmt: skip
    network = run_network(rule, schedule)
    activity = network.activity()
    assert np.any(activity.pre_spikes[:, :, None] & activity.post_spikes[:, None, :])
    wiring = Wiring(**all_to_all(N_PRE, N_POST), w=network.w0, w_min=0.0, w_max=1.0)
    run = interpret(rule, activity, wiring, schedule)
    np.testing.assert_allclose(network.array("plastic.w"), run.w, rtol=0, atol=1e-9)
    assert np.mean((run.w > 0) & (run.w < 1)) > 0.2  # not all at a bound
    assert not np.array_equal(run.w, network.w0)
    brian_variables = variables_of(network, rule)
    assert set(brian_variables) == set(run.variables)
    for variable, values in run.variables.items():
        np.testing.assert_allclose(
            brian_variables[variable], values, rtol=0, atol=1e-9, err_msg=variable
        )
