"""Blueprint -> Brian2 objects: one explicit Network plus the blocks that run on request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import brian2
import numpy as np
from brian2.groups.group import CodeRunner

from threefactor.models.blueprint import Blueprint, GroupCode, SynapseCode
from threefactor.models.engine.integration import integrate_exactly
from threefactor.models.engine.noise import brian_functions

# Brian2 would say so of every network that was prepared but not by `Network.run`.
brian2.BrianLogger.suppress_name("unused_brian_object")

T = TypeVar("T")


@dataclass
class BrianNetwork:
    """Brian2 objects of a blueprint.

    Attributes
    ----------
    network : brian2.Network
    owners : dict of str to Group
        Populations and projections by their name in the specification.
    demand : dict of str to CodeRunner
        Blocks outside the schedule; prepared by `prepare`, run by the engine.
    delays : dict of str to Variable
        Delays of pathways by their name in the blueprint's data.
    """

    network: Any
    owners: dict[str, Any]
    demand: dict[str, CodeRunner]
    delays: dict[str, Any]

    def prepare(self) -> None:
        """Generate the code of every object without simulating a timestep.

        As ``network.run(0 * ms)`` does, less its search of the whole process for garbage.
        """
        self.prepare_demand()
        for obj in self.network.sorted_objects:
            if obj.active:
                obj.before_run({})

    def prepare_demand(self) -> None:
        """Generate the code of the blocks that run on request."""
        for runner in self.demand.values():
            runner.before_run({})


def refusing_in_one_line(work: Callable[[], T]) -> T:
    """Return what `work` returns; raise what Brian2 says against it as ValueError in one line.

    The exception is not chained: its frames would keep Brian2's objects alive, and with them their
    names, from which the next network's source is made.
    """
    try:
        return work()
    except (ImportError, MemoryError, OSError):
        raise
    except Exception as error:
        first: BaseException = error
        while (cause := first.__cause__ or first.__context__) is not None:
            first = cause
        reason = f"{type(first).__name__}: {' '.join(str(first).split())}"
        del first, cause
    raise ValueError(f"Brian2 refuses this network: {reason}")


def build_objects(plan: Blueprint, suffix: str = "") -> BrianNetwork:
    """Return the Brian2 objects of `plan`; `suffix` keeps names of several live networks apart."""
    clock = brian2.Clock(dt=plan.timestep_ms * brian2.ms, name=f"network_clock{suffix}")
    functions = brian_functions()
    owners: dict[str, Any] = {}
    for group in plan.groups:
        owners[group.name] = _neuron_group(group, plan, clock, functions, suffix)
    for synapses in plan.synapses:
        owners[synapses.name] = _synapses(synapses, owners, plan, clock, functions, suffix)
    demand = {}
    for block in plan.demand:
        name = f"demand_{block.kind}_{block.projection}{suffix}"
        runner = owners[block.owner].run_regularly(block.code, name=name, when="end")
        owners[block.owner].contained_objects.remove(runner)  # runs on request only
        demand[block.name] = runner
    delays = {
        name: getattr(owners[owner], pathway).variables["delay"]
        for name, (owner, pathway) in plan.delays.items()
    }
    network = brian2.Network(*owners.values(), name=f"network{suffix}")
    return BrianNetwork(network, owners, demand, delays)


def _neuron_group(
    code: GroupCode, plan: Blueprint, clock: Any, functions: dict, suffix: str
) -> Any:
    group = brian2.NeuronGroup(
        code.size, code.equations, threshold=code.threshold or None, reset=code.reset or None,
        refractory=code.refractory or False, method=_method(code), clock=clock,
        dtype=dict.fromkeys(plan.streams(code.name), np.int64),
        namespace=functions, name=f"{code.name}{suffix}",
    )  # fmt: skip
    for name, block, when, order in code.every_step:
        group.run_regularly(block, when=when, order=order, name=f"{name}{suffix}")
    for name, block, order in code.on_spike:
        # Brian2 allows one code string for an event, and `reset` is it: rule traces need theirs
        # in the synapses slot, so the reset template is run once more from there.
        runner = CodeRunner(
            group, "reset", code=block, user_code=block, clock=clock, when="synapses", order=order,
            name=f"{name}{suffix}", needed_variables=["_spikespace"],
            template_kwds={"eventspace_variable": group.variables["_spikespace"]},
        )  # fmt: skip
        group.contained_objects.append(runner)
    return group


def _method(code: GroupCode | SynapseCode) -> Any:
    return integrate_exactly if code.method == "exact" else code.method


def _synapses(
    code: SynapseCode, owners: dict, plan: Blueprint, clock: Any, functions: dict, suffix: str
) -> Any:
    on_pre = {} if code.summed else {"pre": code.on_pre}
    if code.on_pre_at_once:
        on_pre["pre_at_once"] = code.on_pre_at_once
    synapses = brian2.Synapses(
        owners[code.source], owners[code.target], code.equations, on_pre=on_pre or None,
        on_post={"post": code.on_post} if code.on_post else None,
        delay=dict.fromkeys(code.delayed, clock.dt),  # the engine writes the true values
        dtype=dict.fromkeys(plan.streams(code.name), np.int64),
        method=_method(code), clock=clock, namespace=functions,
        name=f"{code.name}{suffix}",
    )  # fmt: skip
    if code.summed:
        updater = synapses.summed_updaters[f"{code.summed}_post"]
        updater.when, updater.order = ("groups", -1) if code.is_integrated else ("thresholds", 1)
    else:
        synapses.pre.order = code.on_pre_order
    if code.on_pre_at_once:
        synapses.pre_at_once.order = code.on_pre_order
    if code.on_post:
        synapses.post.order = code.on_post_order
    i, j = plan.connections[code.name]
    synapses.connect(i=i, j=j)
    for name, block, when, order in code.every_step:
        synapses.run_regularly(block, when=when, order=order, name=f"{name}{suffix}")
    return synapses
