"""Brian2's generated files and our stepping interface, joined into one C++ text.

One translation unit, each code object in a namespace of its own: the headers, which dominate the
compile time of small networks, are read once, and the compiler can inline a whole timestep.
"""

import re
from pathlib import Path

from threefactor.models.engine.blocks import within_block
from threefactor.models.engine.pathways import (
    Pathway,
    deliver_at_once,
    visit_awake,
    visit_in_rows,
)
from threefactor.models.engine.rewrites import drop_unused, hasten, is_run_once, run_once

SHIM = Path(__file__).with_name("shim.cpp")
HEADERS = [Path(__file__).with_name(name) for name in ("noise.h", "support.h", "pathways.h")]


class Source:
    """The C++ of one network.

    Parameters
    ----------
    folder : Path
        Where Brian2 has written.
    pathways : list of Pathway

    Raises
    ------
    RuntimeError
        If Brian2 wrote events in an unknown form.
    """

    def __init__(self, folder: Path, pathways: list[Pathway]) -> None:
        self._folder, self._pathways = folder, pathways
        self._includes: dict[str, None] = {}
        at_once = {pathway.unit: pathway for pathway in pathways if not pathway.is_delayed}
        rows = {pathway.owner: pathway for pathway in pathways if pathway.side == "pre"}
        awake = {unit: pathway for pathway in pathways for unit in pathway.visiting}
        self._units: dict[str, str] = {}
        for file in sorted((folder / "code_objects").glob("*.cpp")):
            unit = self._read(file)
            if file.stem in at_once:
                unit = deliver_at_once(unit, at_once[file.stem])
            unit = hasten(unit)
            if file.stem in awake:
                self._units[file.stem] = visit_awake(unit, awake[file.stem])
            else:
                self._units[file.stem] = visit_in_rows(unit, rows)

    def _read(self, file: Path) -> str:
        """Return a file less its includes, which are noted; code objects' own are dropped."""
        text = file.read_text()
        for line in re.findall(r"^\s*#\s*include.*$", text, re.MULTILINE):
            if "code_objects/" not in line:
                self._includes[" ".join(line.split())] = None
        return re.sub(r"^\s*#\s*include.*$", "", text, flags=re.MULTILINE)

    def cut(self, units: list[str], replicas: int) -> bool:
        """Let units run over the replicas of a block; return if they all can."""
        try:
            blocks = {unit: within_block(self._units[unit], replicas) for unit in units}
        except ValueError:
            return False
        self._units |= blocks
        return True

    def join(self, tables: dict[str, str]) -> str:
        """Return everything as one text; `tables` fill the places of the stepping interface."""
        plain = [self._read(header) for header in HEADERS]
        for file in sorted(self._folder.glob("*.cpp")):
            if file.name != "main.cpp":
                plain.append(run_once(drop_unused(self._read(file))))
        # Brian2 2.10 and later put the spike queue's code into brianlib/.
        plain += [self._read(file) for file in sorted((self._folder / "brianlib").glob("*.cpp"))]
        plain += [pathway.declare() for pathway in self._pathways]
        units = []
        for name, body in self._units.items():
            functions = re.findall(r"^void (_\w+)\(\)\s*$", body, re.MULTILINE)
            using = "".join(f"using unit_{name}::{f};\n" for f in functions)
            unit = f"namespace unit_{name} {{\n{body}\n}}\n{using}"
            units.append(run_once(unit) if is_run_once(name) else unit)
        main = self._read(self._folder / "main.cpp").replace(
            "int main(int argc, char **argv)", "static int brian_main(int argc, char **argv)"
        )
        prepare = "\n".join(pathway.prepare() for pathway in self._pathways)
        shim = SHIM.read_text()
        for key, value in {**tables, "PREPARE": prepare}.items():
            shim = shim.replace(f"@{key}@", value)
        headers = _inline_headers(self._folder, list(self._includes))
        return "\n".join([headers, *plain, *units, run_once(main), shim])


def _inline_headers(folder: Path, headers: list[str]) -> str:
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

    return "\n".join(expand(line) for line in headers)
