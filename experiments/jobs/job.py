"""A job: one command that a process of its own is to do, such as a training run."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from threefactor.analysis.run_data import Run
from threefactor.experiments.training.preconditions import CHECKPOINT
from threefactor.experiments.training.run_lock import is_locked

_ALONE = ("--quiet", "--no-figures")


@dataclass(frozen=True)
class Job(ABC):
    """What is to be done in one folder by one command.

    Attributes
    ----------
    name : str
        What messages call it.
    path : Path
        Its folder. It belongs to the job: what is there is gone on with.
    """

    name: str
    path: Path

    @property
    def log(self) -> Path:
        """What its last process printed, beside its folder."""
        return self.path.with_name(f"{self.path.name}.log")

    @property
    @abstractmethod
    def is_done(self) -> bool:
        """Whether nothing is left of it."""

    @abstractmethod
    def prepare(self) -> list[str]:
        """Return the words of the command, which begins or goes on."""


@dataclass(frozen=True)
class TrainingJob(Job):
    """A configuration, its replicas, and the run directory that they are to fill.

    Attributes
    ----------
    config : Path
        File of the settings.
    seed, replicas, episodes : int
        Replace those of the file.
    settings : dict
        Option of `train` -> value, over those of the file.
    is_trusted : bool
        Whether environments may be pickled.
    """

    config: Path
    seed: int
    replicas: int
    episodes: int
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    is_trusted: bool = False

    @property
    def is_done(self) -> bool:
        """Whether its run has had all its episodes."""
        if not (self.path / "DONE").is_file():
            return False
        return bool(Run(self.path).config["episodes"] >= self.episodes)

    def prepare(self) -> list[str]:
        """Return the command: it resumes the run, or begins it where there is no checkpoint yet.

        What a process left that died before its first checkpoint is removed: it comes again.
        """
        alone = [*_ALONE, *(["--trust"] if self.is_trusted else [])]
        if (self.path / CHECKPOINT).is_file() or is_locked(self.path):
            given = {"resume": self.path, "episodes": self.episodes}
            return ["train", *_words(given), *alone]
        shutil.rmtree(self.path, ignore_errors=True)
        given = {
            "config": self.config, "seed": self.seed, "replicas": self.replicas,
            "episodes": self.episodes, **self.settings, "out": self.path,
        }  # fmt: skip
        return ["train", *_words(given), *alone]


def _words(options: Mapping[str, Any]) -> list[str]:
    """Return options as they are typed; a value that is a tuple or a dict stands for several."""
    words = []
    for name, value in options.items():
        words.append(f"--{name}")
        if isinstance(value, Mapping):
            words += [f"{key}={','.join(map(str, values))}" for key, values in value.items()]
        else:
            words += map(str, value if isinstance(value, tuple) else (value,))
    return words
