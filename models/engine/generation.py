"""Blueprint -> one C++ file: Brian2's C++ standalone sources joined with our stepping interface.

Public Brian2 hooks only: ``set_device(build_on_run=False)``, ``insert_code("before_end", ...)`` so
that ``main`` returns without freeing the arrays, and ``device.build(compile=False)``. `source.py`
then joins the generated files.
"""

import gc
import json
import tempfile
from pathlib import Path
from typing import Any

import brian2
from brian2.devices import reset_device

from threefactor.models.blueprint import Blueprint, SynapseCode
from threefactor.models.engine.blocks import can_block
from threefactor.models.engine.brian_objects import (
    BrianNetwork,
    build_objects,
    refusing_in_one_line,
)
from threefactor.models.engine.pathways import Pathway
from threefactor.models.engine.source import Source
from threefactor.models.engine.stepping import spike_owner_names

#: Apart from the names of networks of the runtime engine, dead or alive: names make the source.
NAME_SUFFIX = "_compiled"
#: Side of a pathway's spikes -> Brian2's array of the neurons on the other side.
_PARTNERS = {"pre": "_synaptic_post", "post": "_synaptic_pre"}


def generate(plan: Blueprint) -> tuple[str, dict[str, Any]]:
    """Return the C++ source of `plan` and its manifest (array names, blocks, static files).

    Raises
    ------
    ValueError
        If Brian2 refuses the network. Nothing of it is left behind.
    """
    with tempfile.TemporaryDirectory(prefix="threefactor-") as folder:
        previous = {key: brian2.prefs[key] for key in ("core.stop_on_keyboard_interrupt",)}
        brian2.prefs["core.stop_on_keyboard_interrupt"] = False  # Ctrl-C belongs to Python
        brian2.set_device("cpp_standalone", build_on_run=False, directory=folder)
        try:
            manifest, tables, pathways, units = refusing_in_one_line(lambda: _write(plan, folder))
            source = Source(Path(folder), pathways)
            manifest["has_blocks"] = can_block(plan) and source.cut(units, plan.replicas)
            text = source.join(tables)
            manifest["static_arrays"] = _static_arrays(Path(folder), plan)
        finally:
            brian2.device.reinit()
            reset_device()
            for key, value in previous.items():
                brian2.prefs[key] = value
            gc.collect()  # frees the names of the Brian2 objects: the next source must not differ
    return text, manifest


def _write(
    plan: Blueprint, folder: str
) -> tuple[dict[str, Any], dict[str, str], list[Pathway], list[str]]:
    """Let Brian2 write its sources; return manifest, tables, pathways, units of a window."""
    objects = build_objects(plan, NAME_SUFFIX)
    objects.prepare_demand()
    objects.network.run(0 * brian2.ms, namespace={})
    device = brian2.device
    device.insert_code("before_end", "return 0;")
    device.build(compile=False, run=False, directory=folder, with_output=False)
    pathways = _find_pathways(plan, objects, device)
    steps = _timestep(objects, pathways)
    around = [objects.demand[block].codeobj.name for block in (*plan.opening(), *plan.settling())]
    described = _describe(plan, objects, device, steps, pathways)
    return *described, pathways, [*steps, *around]


def _timestep(objects: BrianNetwork, pathways: list[Pathway]) -> list[str]:
    """Return the code objects of one timestep, in their order."""
    unqueued = {pathway.push for pathway in pathways if not pathway.is_delayed}
    return [
        code.name
        for obj in objects.network.sorted_objects
        if obj.active
        for code in obj._code_objects
        if code.name not in unqueued
    ]


def _find_pathways(plan: Blueprint, objects: BrianNetwork, device: Any) -> list[Pathway]:
    """Return the pathways of all synapses."""
    return [
        Pathway(
            pathway.name, owner.name,
            device.get_array_name(pathway.source.variables["_spikespace"]), pathway.prepost,
            device.dynamic_arrays[owner.variables[_PARTNERS[pathway.prepost]]],
            is_delayed=pathway.objname in code.delayed,
            **(_resting(code, owner, device) if pathway.prepost == "pre" else {}),
        )
        for code in plan.synapses
        for owner in (objects.owners[code.name],)
        for pathway in owner._pathways
    ]  # fmt: skip


def _resting(code: SynapseCode, owner: Any, device: Any) -> dict[str, tuple[str, ...]]:
    """Return what lets synapses rest, and the code objects that then pass them over."""
    if not code.resting:
        return {}
    arrays = tuple(device.dynamic_arrays[owner.variables[name]] for name in code.resting)
    blocks = [f"{name}{NAME_SUFFIX}" for name, *_ in code.every_step if name.endswith("each_step")]
    visiting = tuple(f"{name}_codeobject" for name in (f"{owner.name}_stateupdater", *blocks))
    return {"resting": arrays, "visiting": visiting}


def _describe(
    plan: Blueprint,
    objects: BrianNetwork,
    device: Any,
    steps: list[str],
    pathways: list[Pathway],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the manifest that Python reads and the tables that the shim includes."""
    owners = {group.name: name for name, group in objects.owners.items()}
    delays = {variable: name for name, variable in objects.delays.items()}
    arrays: list[tuple[str, str, str]] = []  # (our name, C++ pointer, C++ size)
    dtypes = {}
    for variable in device.arrays:
        owner = getattr(variable.owner, "name", None)
        if owner == f"network_clock{NAME_SUFFIX}" and variable.name in ("t", "timestep"):
            name = f"clock.{variable.name}"
        elif variable in delays:
            name = delays[variable]
        elif owner in owners and variable.name != "delay":  # those left are zero
            name = f"{owners[owner]}.{variable.name}"
        else:
            continue
        if variable in device.dynamic_arrays:
            vector = device.dynamic_arrays[variable]
            arrays.append((name, f"brian::{vector}.data()", f"brian::{vector}.size()"))
        else:
            pointer = device.get_array_name(variable)
            arrays.append((name, f"brian::{pointer}", f"brian::_num_{pointer}"))
        dtypes[name] = variable.dtype.__name__ if isinstance(variable.dtype, type) else str(
            variable.dtype
        )  # fmt: skip
    arrays = sorted({name: (name, pointer, size) for name, pointer, size in arrays}.values())
    pointers = {name: pointer for name, pointer, _ in arrays}
    spiking = spike_owner_names(plan)
    spikespaces = [
        device.get_array_name(objects.owners[name].variables["_spikespace"]) for name in spiking
    ]
    delayed = [
        (f"{name}.{pathway.objname}", pathway.name)
        for name, group in objects.owners.items()
        for pathway in getattr(group, "_pathways", ())
        if f"{pathway.name}_push_spikes" in steps
    ]
    settling = plan.settling()
    blocks = list(objects.demand)
    functions = {block: f"_run_{objects.demand[block].codeobj.name}" for block in blocks}
    periodic = sorted(plan.periods_ms)
    tables = {
        "ARRAYS": "\n".join(
            f"        case {k}: *data = (void *){pointer}; return (int64_t)({size});"
            for k, (_, pointer, size) in enumerate(arrays)
        ),
        "STEP": "\n".join(f"    _run_{name}();" for name in steps),
        "OPEN": "\n".join(f"    {functions[block]}();" for block in plan.opening()),
        "ROUSE": "\n".join(pathway.rouse(plan.replicas) for pathway in pathways if pathway.resting),
        "SHARED": "".join(f"&{pointers[name]}, " for name in sorted(plan.growth.values())),
        "REPLICAS": str(plan.replicas),
        "SETTLE": "\n".join(f"    {functions[block]}();" for block in settling),
        "PERIODIC": "\n".join(
            f"    if (periods[{k}] > 0 && step % periods[{k}] == 0) {functions[block]}();"
            for k, block in enumerate(periodic)
        ),
        "N_PERIODIC": str(max(1, len(periodic))),
        "BLOCKS": "\n".join(
            f"        case {k}: {functions[block]}(); break;" for k, block in enumerate(blocks)
        ),
        "SPIKESPACES": "\n".join(
            f"    record_spikes({k}, brian::{space}, brian::_num_{space}, step - 1);"
            for k, space in enumerate(spikespaces)
        ),
        "N_SPIKING": str(max(1, len(spiking))),
        "QUEUES": "\n".join(
            f"        case {k}: return brian::{c_name}.queue[0];"
            for k, (_, c_name) in enumerate(delayed)
        ),
    }
    manifest = {
        "arrays": [[name, dtypes[name]] for name, _, _ in arrays],
        "blocks": blocks,
        "spiking": spiking,
        "periodic": periodic,
        "queues": [name for name, _ in delayed],
    }
    return manifest, tables


def _static_arrays(folder: Path, plan: Blueprint) -> dict[str, list]:
    """Return static file -> [projection, 0 (pre) or 1 (post), bytes per index]."""
    found = {}
    for file in sorted((folder / "static_arrays").iterdir()):
        for synapses in plan.synapses:
            for side, suffix in ((0, "sources"), (1, "targets")):
                if file.name == f"_static_array__array_{synapses.name}{NAME_SUFFIX}_{suffix}":
                    width = file.stat().st_size // synapses.n_synapses
                    found[file.name] = [synapses.name, side, width]
        if file.name not in found:
            raise RuntimeError(f"Brian2 stored unexpected data {file.name}; report this network.")
    return found


def manifest_text(manifest: dict[str, Any]) -> str:
    """Return the manifest as stored beside the library."""
    return json.dumps(manifest, indent=1, sort_keys=True)
