"""Arms of an experiment side by side, each a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from threefactor.experiments.claims.arms import RESULT
from threefactor.experiments.claims.experiment import arm_folder
from threefactor.experiments.jobs.job import Job
from threefactor.experiments.jobs.processes import run_jobs
from threefactor.experiments.training.progress import Say


@dataclass(frozen=True)
class ArmJob(Job):
    """One arm: `reproduce` with these words does it and nothing else.

    Attributes
    ----------
    words : tuple of str
    """

    words: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether it wrote what it found, or its run has come to its end."""
        return (self.path / RESULT).is_file() or (self.path / "DONE").is_file()

    def prepare(self) -> list[str]:
        """Return the words."""
        return ["reproduce", *self.words]


def run_arms(
    name: str, arms: Sequence[str], folder: Path, words: Sequence[str], processes: int, say: Say
) -> None:
    """Run arms, so many at a time; what they found is then in their folders.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C: what was done is kept.
    RuntimeError
        If an arm failed, after the others have ended.
    """
    jobs = [
        ArmJob(arm, arm_folder(folder, arm), (name, "--arm", arm, "--out", str(folder), *words))
        for arm in arms
    ]
    ended = run_jobs(jobs, processes, say)
    if failed := [
        f"{end.job.name} failed: {end.reason}" for end in ended if end.status == "failed"
    ]:
        raise RuntimeError("; ".join(failed))
    if any(end.status == "interrupted" for end in ended):
        raise KeyboardInterrupt
