"""Ends that a run does not choose: kills, signals, a full disk, errors, a second writer.

Each trial goes on with the run afterwards, until it is done, and compares it to the last bit with
one that nothing has interrupted.
"""

import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkout  # noqa: F401
from report import markdown
from trials import SETTINGS, command, contents, outcome_of

EPISODES = 3000
KILLS, SIGNALS_EACH, FILLS, WRITERS = 100, 4, 6, 3
#: A run is killed so often, while it goes on and on, before it is compared.
KILLS_OF_ONE = 10
#: From the start of a process on: while it loads, builds, begins its directory or learns.
KILL_S = 5.0
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Bench:
    """A run that ends by itself, and what others have to be like."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.settings = folder / "settings.json"
        self.config = folder / "settings.yaml"
        settings = {**SETTINGS, "episodes": EPISODES, "record_episodes": 40}
        self.config.write_text(json.dumps(settings))  # YAML holds JSON
        whole = folder / "whole"
        answer = command(self.words(whole), self.log)
        if answer.status != 0:
            raise RuntimeError(answer.said)
        self._whole = outcome_of(whole)

    def words(self, run: Path) -> list[object]:
        """Return the command that begins a run, or goes on with it if there is a checkpoint."""
        if (run / "checkpoints" / "latest.npz").exists():
            return ["train", "--resume", run, "--quiet", "--no-figures"]
        shutil.rmtree(run, ignore_errors=True)
        return ["train", "--config", self.config, "--out", run, "--quiet", "--no-figures"]

    def start(self, run: Path, **options: Any) -> subprocess.Popen:
        """Start that command in a process of its own."""
        words = [str(word) for word in self.words(run)]
        program = [sys.executable, str(Path(__file__).parents[1] / "run.py"), *words]
        with self.log.open("w") as log:
            return subprocess.Popen(program, stdout=log, stderr=log, **options)

    def finish(self, run: Path) -> str:
        """Let a run go on to its end; return what is wrong with it, "" if it is as if never."""
        answer = command(self.words(run), self.log)
        if answer.status != 0:
            return f"could not go on: {answer.said.strip()[-300:]}"
        drawn = command(["plot", run], self.log)
        if drawn.status != 0:
            return f"could not be drawn: {drawn.said.strip()[-300:]}"
        return "" if outcome_of(run) == self._whole else "not identical"

    def wait(self, run: Path, process: subprocess.Popen, episodes: int = 3) -> None:
        """Wait until a run has written some episodes, or has ended."""
        file = run / "episodes.csv"
        while process.poll() is None:
            if file.exists() and file.read_bytes().count(b"\n") > episodes:
                return
            time.sleep(0.02)


def kills(bench: Bench, count: int) -> list[dict[str, Any]]:
    """Kill runs again and again at moments drawn by chance, before the first checkpoint as well."""
    chance = random.Random(1)
    found: list[dict[str, Any]] = []
    while (left := count - sum(row["kills"] for row in found)) > 0:
        run, early, done = bench.folder / "killed", 0, 0
        shutil.rmtree(run, ignore_errors=True)
        for _ in range(min(KILLS_OF_ONE, left)):
            process = bench.start(run)
            deadline = time.monotonic() + chance.random() * KILL_S
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            early += not (run / "checkpoints" / "latest.npz").exists()
            done += process.poll() is None
            process.kill()
            process.wait()
        found.append({"kills": done, "early": early, "wrong": bench.finish(run)})
    return found


def signals(bench: Bench, each: int) -> list[dict[str, Any]]:
    """Send signals to runs, at their beginning and later."""
    found = []
    for name in SIGNALS:
        for number in range(each):
            run = bench.folder / "signalled"
            shutil.rmtree(run, ignore_errors=True)
            process = bench.start(run, start_new_session=True)
            bench.wait(run, process, 1 + 10 * number)
            process.send_signal(getattr(signal, name))
            status = process.wait()
            said = bench.log.read_text()
            wrong = "" if status in (0, 130) and "Traceback" not in said else said[-300:]
            if not (run / "checkpoints" / "latest.npz").exists():
                wrong = wrong or "left no checkpoint"
            found.append({"signal": name, "wrong": wrong or bench.finish(run)})
    return found


def full_disks(bench: Bench, count: int) -> list[dict[str, Any]]:
    """Let runs fill a small disk (where this user may mount one), and reach a limit of files."""
    found = []
    for number in range(count):
        size = 1200 + 500 * number  # KiB
        for kind in ("disk", "limit"):
            small = bench.folder / "small"
            small.mkdir(exist_ok=True)
            if kind == "disk":
                mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(small)]
                if subprocess.run(mount, capture_output=True, check=False).returncode:
                    continue
            try:
                wrong = _fill(bench, small / "run", size if kind == "limit" else 0)
            finally:
                if kind == "disk":
                    subprocess.run(["umount", str(small)], check=True)
                shutil.rmtree(small, ignore_errors=True)
            found.append({"kind": kind, "kib": size, "wrong": wrong})
    return found


def _fill(bench: Bench, run: Path, limit_kib: int) -> str:
    def limit() -> None:
        if limit_kib:
            resource.setrlimit(resource.RLIMIT_FSIZE, (512 * limit_kib, 512 * limit_kib))

    process = bench.start(run, preexec_fn=limit)
    status, said = process.wait(), bench.log.read_text()
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    if status not in (0, 2) or (status == 2 and len(lines) != 1) or "Traceback" in said:
        return f"exit status {status}: {said[-300:]}"
    moved = bench.folder / "moved"
    shutil.rmtree(moved, ignore_errors=True)
    shutil.copytree(run, moved)
    if not (moved / "meta.json").exists():
        return ""  # there was no room to begin
    return bench.finish(moved)


def writers(bench: Bench, count: int) -> list[dict[str, Any]]:
    """Let two processes go on with one run at the same time."""
    found = []
    for _ in range(count):
        run = bench.folder / "two"
        shutil.rmtree(run, ignore_errors=True)
        first = bench.start(run)
        bench.wait(run, first)
        first.kill()
        first.wait()
        log = bench.log.read_text
        both = [bench.start(run), bench.start(run)]
        while all(process.poll() is None for process in both):
            time.sleep(0.02)
        overlap = any(process.poll() is None for process in both)
        statuses = sorted(process.wait() for process in both)
        if not overlap:
            raise RuntimeError(f"both writers ended at once, with {statuses}: {log()[-300:]}")
        wrong = "" if statuses == [0, 2] else f"exit statuses {statuses}: {log()[-300:]}"
        before = contents(run)
        again = command(["train", "--resume", run, "--quiet"], bench.log)
        if not wrong and (again.status != 0 or contents(run) != before):
            wrong = "a resume with nothing to do has changed something"
        if not wrong and outcome_of(run) != bench._whole:
            wrong = "not identical"
        found.append({"wrong": wrong})
    return found


TRIALS: dict[str, tuple[Callable[[Bench, int], list[dict[str, Any]]], int]] = {
    "kills": (kills, KILLS), "signals": (signals, SIGNALS_EACH),
    "full disks": (full_disks, FILLS), "two writers": (writers, WRITERS),
}  # fmt: skip


def measure(budget: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Return what came of all trials; a budget below 1 does a part of them."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for name, (trial, count) in TRIALS.items():
            found[name] = trial(bench, max(1, round(budget * count)))
            say(f"{name}: {len(found[name])} runs")
            for row in found[name]:
                if row["wrong"]:
                    say(f"{name}: {row}")
    return found


def harm(found: dict[str, Any]) -> list[str]:
    """Return what should never be."""
    return [f"{name}: {row}" for name, rows in found.items() for row in rows if row["wrong"]]


def section(found: dict[str, Any]) -> str:
    """Return what the page says of it."""
    killed = found["kills"]
    early = sum(row["early"] for row in killed)
    rows = [
        [f"`kill -9` at random moments ({early} of them before the first checkpoint)",
         str(sum(row["kills"] for row in killed)), str(len(killed)), _wrong(killed)],
        *([f"`{name}`", str(len(own)), str(len(own)), _wrong(own)]
          for name in SIGNALS
          for own in [[row for row in found["signals"] if row["signal"] == name]]),
        *([text, str(len(own)), str(len(own)), _wrong(own)]
          for kind, text in (("disk", "a full disk"), ("limit", "a limit to the size of files"))
          for own in [[row for row in found["full disks"] if row["kind"] == kind]]),
        ["two processes that go on with one run", str(len(found["two writers"])),
         str(len(found["two writers"])), _wrong(found["two writers"])],
    ]  # fmt: skip
    return (
        "## Interrupted runs\n\n"
        f"A run of {EPISODES} episodes is ended in its way, gone on with until it is done, and "
        "compared with one that was never interrupted: its episodes and everything that the agent "
        "has learned, to the last bit. A full disk has to be told in one line.\n\n"
        + markdown(["how it ends", "times", "runs", "not identical, unreadable or untold"], rows)
    )


def _wrong(rows: list[dict[str, Any]]) -> str:
    return str(sum(bool(row["wrong"]) for row in rows))


if __name__ == "__main__":
    print(json.dumps(measure(float(sys.argv[1]), print)))
