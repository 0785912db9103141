"""Blueprint -> one C++ file: Brian2's C++ standalone sources joined with our stepping interface.

Public Brian2 hooks only: ``set_device(build_on_run=False)``, ``insert_code("before_end", ...)`` so
that ``main`` returns without freeing the arrays, and ``device.build(compile=False)``. The generated
files are then joined into a single translation unit, each code object in a namespace of its own:
the headers, which dominate the compile time of small networks, are read once, and the compiler can
inline a whole timestep.
"""

import gc
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import brian2
from brian2.devices import reset_device

from threefactor.models.blueprint import Blueprint
from threefactor.models.engine.brian_objects import (
    BrianNetwork,
    build_objects,
    refusing_in_one_line,
)
from threefactor.models.engine.pathways import Pathway, deliver_at_once
from threefactor.models.engine.rewrites import drop_unused, hasten, is_run_once, run_once
from threefactor.models.engine.stepping import spike_owner_names

SHIM = Path(__file__).with_name("shim.cpp")
#: Apart from the names of networks of the runtime engine, dead or alive: names make the source.
NAME_SUFFIX = "_compiled"
HEADERS = [Path(__file__).with_name(name) for name in ("philox.h", "support.h", "pathways.h")]

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
            manifest, tables, at_once = refusing_in_one_line(lambda: _write(plan, folder))
            source = _join(Path(folder), tables, at_once)
            manifest["static_arrays"] = _static_arrays(Path(folder), plan)
        finally:
            brian2.device.reinit()
            reset_device()
            for key, value in previous.items():
                brian2.prefs[key] = value
            gc.collect()  # frees the names of the Brian2 objects: the next source must not differ
    return source, manifest


def _write(
    plan: Blueprint, folder: str
) -> tuple[dict[str, Any], dict[str, str], dict[str, Pathway]]:
    """Let Brian2 write its sources into a folder; return manifest, tables, undelayed pathways."""
    objects = build_objects(plan, NAME_SUFFIX)
    objects.prepare_demand()
    objects.network.run(0 * brian2.ms, namespace={})
    device = brian2.device
    device.insert_code("before_end", "return 0;")
    device.build(compile=False, run=False, directory=folder, with_output=False)
    at_once = _undelayed(plan, objects, device)
    return *_describe(plan, objects, device, at_once), {p.unit: p for p in at_once}


def _undelayed(plan: Blueprint, objects: BrianNetwork, device: Any) -> list[Pathway]:
    """Return the pathways whose spikes act in their own timestep."""
    return [
        Pathway(
            pathway.name, device.get_array_name(pathway.source.variables["_spikespace"]),
            pathway.prepost,
            device.dynamic_arrays[owner.variables[_PARTNERS[pathway.prepost]]],
        )
        for code in plan.synapses
        for owner in (objects.owners[code.name],)
        for pathway in owner._pathways
        if pathway.objname not in code.delayed
    ]  # fmt: skip


def _describe(
    plan: Blueprint, objects: BrianNetwork, device: Any, at_once: list[Pathway]
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
    unqueued = {f"{pathway.name}_push_spikes" for pathway in at_once}
    steps = [
        code.name
        for obj in objects.network.sorted_objects
        if obj.active
        for code in obj._code_objects
        if code.name not in unqueued
    ]
    spiking = spike_owner_names(plan)
    spikespaces = [
        device.get_array_name(objects.owners[name].variables["_spikespace"]) for name in spiking
    ]
    pathways = [
        (f"{name}.{pathway.objname}", pathway.name)
        for name, group in objects.owners.items()
        for pathway in getattr(group, "_pathways", ())
    ]
    delayed = [row for row in pathways if f"{row[1]}_push_spikes" not in unqueued]
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
        "PREPARE": "\n".join(
            [f"    _before_run_{c}_push_spikes();" for _, c in pathways]
            + [pathway.prepare() for pathway in at_once]
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


def _join(folder: Path, tables: dict[str, str], at_once: dict[str, Pathway]) -> str:
    """Return all generated files and the shim as one translation unit."""
    includes: dict[str, None] = {}
    plain = [_without_includes(header.read_text(), includes) for header in HEADERS]
    units = []
    for file in sorted(folder.glob("*.cpp")):
        if file.name != "main.cpp":
            text = drop_unused(_without_includes(file.read_text(), includes))
            plain.append(run_once(text))
    # Brian2 2.10 and later put the spike queue's code into brianlib/.
    for file in sorted((folder / "brianlib").glob("*.cpp")):
        plain.append(_without_includes(file.read_text(), includes))
    for file in sorted((folder / "code_objects").glob("*.cpp")):
        body = _without_includes(file.read_text(), includes)
        functions = re.findall(r"^void (_\w+)\(\)\s*$", body, re.MULTILINE)
        if file.stem in at_once:
            body = deliver_at_once(body, at_once[file.stem])
        using = "".join(f"using unit_{file.stem}::{f};\n" for f in functions)
        unit = f"namespace unit_{file.stem} {{\n{hasten(body)}\n}}\n{using}"
        units.append(run_once(unit) if is_run_once(file.stem) else unit)
    main = _without_includes((folder / "main.cpp").read_text(), includes)
    main = main.replace(
        "int main(int argc, char **argv)", "static int brian_main(int argc, char **argv)"
    )
    main = run_once(main)
    shim = SHIM.read_text()
    for key, value in tables.items():
        shim = shim.replace(f"@{key}@", value)
    headers = "\n".join(includes)
    inlined = _inline_headers(folder, headers)
    return "\n".join([inlined, *plain, *units, main, shim])


def _without_includes(text: str, includes: dict[str, None]) -> str:
    """Return `text` less its includes, which are collected; code objects' own are dropped."""
    for line in re.findall(r"^\s*#\s*include.*$", text, re.MULTILINE):
        if "code_objects/" not in line:
            includes[" ".join(line.split())] = None
    return re.sub(r"^\s*#\s*include.*$", "", text, flags=re.MULTILINE)


def _inline_headers(folder: Path, headers: str) -> str:
    """Return the include lines with the project's own headers replaced by their text, once each."""
    done: set[Path] = set()

    def expand(line: str) -> str:
        match = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
        found = [place / match[1] for place in (folder, folder / "brianlib")] if match else []
        path = next((file for file in found if file.exists()), None)
        if path is None:
            return line
        if path in done:
            return ""
        done.add(path)
        return "\n".join(expand(inner) for inner in path.read_text().splitlines())

    return "\n".join(expand(line) for line in headers.splitlines())


def manifest_text(manifest: dict[str, Any]) -> str:
    """Return the manifest as stored beside the library."""
    return json.dumps(manifest, indent=1, sort_keys=True)
