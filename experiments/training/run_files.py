"""Users' files as part of a run: what is copied into it, and whether the originals still agree."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from threefactor.analysis.run_data import Run
from threefactor.experiments.configuration import RunConfig
from threefactor.experiments.parts.user_files import import_file, split_name

FOLDER = "parts"


@dataclass
class RunFiles:
    """The users' files of a configuration, by the paths that they have within its run.

    Attributes
    ----------
    settings : dict
        The configuration as plain data, with files named from the folder of the run.
    contents : dict of str to bytes
    sources : dict of str to Path
    """

    settings: dict[str, Any] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)
    _folders: dict[Path, str] = field(default_factory=dict)

    def write(self, run: Path) -> None:
        """Write the files into the run."""
        for name, content in self.contents.items():
            (run / name).parent.mkdir(parents=True, exist_ok=True)
            (run / name).write_bytes(content)

    def digests(self) -> dict[str, dict[str, str]]:
        """Return path within the run -> SHA-256 and origin, for meta.json."""
        return {
            name: {"sha256": _digest(content), "source": str(self.sources[name])}
            for name, content in self.contents.items()
        }

    def add_code(self, text: str) -> str:
        """Take a file and what it imports of its folder; return its name within the run."""
        path, name = split_name(text) or ("", "")
        file = import_file(Path(path))
        place = self._place(file.path.parent)
        for own, content in file.contents.items():
            self._add(f"{place}/{own}", content, file.path.parent / own)
        return f"{place}/{file.path.name}:{name}"

    def add_data(self, path: Path, folder: Path) -> str:
        """Take a file that a class of `folder` reads; return its name as seen from the class."""
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
        place = self._place(folder)
        while self.sources.get(f"{place}/{name}", path) != path:
            name = f"other-{name}"
        self._add(f"{place}/{name}", path.read_bytes(), path)
        return name

    def _place(self, folder: Path) -> str:
        """Return where the files of a folder go: together, apart from those of other folders."""
        number = len(self._folders) + 1
        return self._folders.setdefault(folder, FOLDER if number == 1 else f"{FOLDER}/{number}")

    def _add(self, name: str, content: bytes, source: Path) -> None:
        self.contents[name], self.sources[name] = content, source


def collect_files(config: RunConfig) -> RunFiles:
    """Return the users' files of a configuration, and its settings as the run keeps them."""
    files = RunFiles(config.to_dict())
    if split_name(config.options.env):
        files.settings["env"] = files.add_code(config.options.env)
    for key, name in config.names.items():
        named = split_name(name)
        if not named:
            continue
        files.settings[key]["name"] = files.add_code(name)
        for setting, value in vars(config.parts[key]).items():
            if isinstance(value, Path):
                files.settings[key][setting] = files.add_data(value, Path(named[0]).parent)
    return files


def changes(run: Path) -> str:
    """Return in one line which users' files are not as they were when a run began; "" if all are.

    The originals may have gone elsewhere: only those that are there and differ are named.
    """
    originals, copies = [], []
    for name, known in Run(run).meta.get("files", {}).items():
        if _differs(Path(known["source"]), known["sha256"]):
            originals.append(Path(known["source"]).name)
        if _differs(run / name, known["sha256"]):
            copies.append(str(run / name))
    said = []
    if originals:
        several = len(originals) > 1
        said.append(
            f"{', '.join(originals)} {'have' if several else 'has'} changed since this run was "
            f"started; the run's own {'copies are' if several else 'copy is'} used"
        )
    if copies:
        said.append(f"{', '.join(copies)} is not what this run was started with")
    return "; ".join(said)


def _differs(path: Path, digest: str) -> bool:
    return path.is_file() and _digest(path.read_bytes()) != digest


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
