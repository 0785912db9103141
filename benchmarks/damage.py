"""Every kind of damage to every file of a run directory: what three commands say and leave."""

import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkout  # noqa: F401
from report import markdown
from trials import BAD, ONE_LINE, SETTINGS, WENT_ON, Answer, command, contents, forked, outcome_of

RULE = Path(__file__).parents[1] / "examples" / "my_rule.py"
EPISODES = {"had": 4, "all": 6}
COMMANDS = {
    "evaluate": ["evaluate", "--episodes", "2"],
    "plot": ["plot"],
    "resume": ["train", "--quiet", "--no-figures", "--resume"],
}
#: Files of a run that was stopped, and of one that was killed.
FILES = {
    "stopped": (
        "config.yaml", "meta.json", "episodes.csv", "health.csv", "summary.json", "policy.npz",
        "checkpoints/latest.npz", "recordings/segment-00000.h5", "parts/my_rule.py",
        "evaluation.json", "evaluation/trained/meta.json", "evaluation/trained/episodes.csv",
        "evaluation/trained/recordings/segment-00000.h5", ".lock",
    ),
    "killed": ("recordings/segment-00000.journal", "episodes.csv", "checkpoints/latest.npz"),
}  # fmt: skip
#: A cell says for each command in turn what came of it.
LETTERS = {ONE_LINE: "l", WENT_ON: "r", **{kind: kind.upper() for kind in BAD}}

Damage = Callable[[Path, Path, random.Random], None]


def _missing(file: Path, other: Path, chance: random.Random) -> None:
    file.unlink()


def _empty(file: Path, other: Path, chance: random.Random) -> None:
    file.write_bytes(b"")


def _half(file: Path, other: Path, chance: random.Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _tail(file: Path, other: Path, chance: random.Random) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _flip(file: Path, other: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes() or b"\0")
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def _zeros(file: Path, other: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    begin = len(content) // 3
    content[begin : begin + 200] = bytes(len(content[begin : begin + 200]))
    file.write_bytes(content)


def _noise(file: Path, other: Path, chance: random.Random) -> None:
    file.write_bytes(chance.randbytes(len(file.read_bytes()) or 100))


def _text(file: Path, other: Path, chance: random.Random) -> None:
    file.write_text("[1, 2]\n")


def _tripled(file: Path, other: Path, chance: random.Random) -> None:
    file.write_bytes(3 * file.read_bytes())


def _folder(file: Path, other: Path, chance: random.Random) -> None:
    file.unlink()
    file.mkdir()


def _others(file: Path, other: Path, chance: random.Random) -> None:
    shutil.copy(other, file)


def _column(file: Path, other: Path, chance: random.Random) -> None:
    lines = file.read_text().splitlines()
    file.write_text("".join(line.partition(",")[2] + "\n" for line in lines))


KINDS: dict[str, Damage] = {
    "missing": _missing, "empty": _empty, "half": _half, "last byte lost": _tail,
    "bit flipped": _flip, "zeros within": _zeros, "noise": _noise, "other text": _text,
    "tripled": _tripled, "a folder": _folder, "another run's": _others,
    "column missing": _column,
}  # fmt: skip


class Bench:
    """Runs to be damaged, and what commands make of them when they are whole."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder, folder / "log"
        self.runs = {kind: folder / kind for kind in FILES}
        self.other = {kind: folder / f"other-{kind}" for kind in FILES}
        self.whole = folder / "whole"
        _train(self.whole, EPISODES["all"])
        for kind in FILES:
            other: dict[str, Any] = {
                "seed": 9,
                "model": {**SETTINGS["model"], "neurons_per_action": 2},
            }
            _train(self.runs[kind], EPISODES["all"], kind)
            _train(self.other[kind], EPISODES["all"], kind, **other)
        for run in (self.runs["stopped"], self.other["stopped"]):
            command(["evaluate", run, "--episodes", "2", "--record"], self._log)
        self._evaluations = {kind: self._evaluated(run) for kind, run in self.runs.items()}
        self._outcome = outcome_of(self.whole)

    def _evaluated(self, run: Path) -> str:
        copy = self._copy(run)
        command([*COMMANDS["evaluate"][:1], copy, *COMMANDS["evaluate"][1:]], self._log)
        return (copy / "evaluation.json").read_text()

    def _copy(self, run: Path) -> Path:
        copy = self._folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        return Path(shutil.copytree(run, copy))

    def trial(self, run: str, file: str, kind: str, seed: int) -> dict[str, tuple[str, str]]:
        """Return command -> verdict, and what was said."""
        found = {}
        for name, words in COMMANDS.items():
            copy = self._copy(self.runs[run])
            KINDS[kind](copy / file, self.other[run] / file, random.Random(seed))
            before = contents(copy)
            answer = command([words[0], *_placed(words[1:], copy)], self._log)
            found[name] = (self._judge(answer, name, run, file, copy, before), answer.said)
        return found

    def _judge(
        self, answer: Answer, name: str, run: str, file: str, copy: Path, before: dict[str, str]
    ) -> str:
        after = contents(copy)
        changed = {path for path in before if after.get(path) != before[path]}
        if name == "plot" or answer.kind == ONE_LINE:
            changed -= {path for path in changed if path.startswith("figures/")}
        elif name == "evaluate":
            changed -= {"evaluation.json"}
        if changed and (name != "resume" or answer.kind == ONE_LINE):
            return "harm"
        if answer.kind == WENT_ON and Path(file).name not in answer.said:
            if name == "resume" and outcome_of(copy) != self._outcome:
                return "silently wrong"
            if name == "evaluate":
                evaluation = (copy / "evaluation.json").read_text()
                if evaluation != self._evaluations[run]:
                    return "silently wrong"
        return answer.kind


def _placed(words: list[str], run: Path) -> list[object]:
    return [*words, run] if words and words[-1] == "--resume" else [run, *words]


def _train(path: Path, episodes: int, end: str = "", **settings: object) -> None:
    """Train, in a process of its own, to the end or until something ends it."""
    import os

    import threefactor
    from threefactor.experiments.training.observers import Observer

    class Ends(Observer):
        def finished(self, loop, episode):  # type: ignore[no-untyped-def]
            if end == "stopped" and episode.number == EPISODES["had"]:
                loop.stop("stopped")
            if end == "killed" and episode.number == EPISODES["had"]:
                loop.checkpoint()

        def decided(self, loop, outcome):  # type: ignore[no-untyped-def]
            if end == "killed" and loop.tally.done[0] == EPISODES["had"] + 1:
                os._exit(0)

    def work() -> int:
        given = {**SETTINGS, **settings, "rule": {"name": f"{RULE}:MyRule"}, "episodes": episodes}
        threefactor.train(given, out=path, quiet=True, observers=[Ends()], say=lambda line: None)
        return 0

    answer = forked(work, path.with_name("training.log"))
    if answer.status != 0:
        raise RuntimeError(answer.said)


def cases() -> list[tuple[str, str, str]]:
    """Return all cases: run, file, kind of damage."""
    return [
        (run, file, kind)
        for run, files in FILES.items()
        for file in files
        for kind in KINDS
        if kind != "column missing" or file.endswith(".csv")
    ]


def measure(budget: float, say: Callable[[str], None]) -> dict:
    """Return the verdicts of cases drawn by chance, or of all if the budget is 1."""
    chosen = cases()
    if budget < 1:
        chosen = random.Random(0).sample(chosen, max(1, round(budget * len(chosen))))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for number, (run, file, kind) in enumerate(chosen):
            found = bench.trial(run, file, kind, number)
            rows.append([run, file, kind, {name: verdict for name, (verdict, _) in found.items()}])
            for name, (verdict, said) in found.items():
                if verdict in BAD:
                    say(f"{run} {file} {kind}, {name}: {verdict}\n{said}")
    return {"trials": rows}


def harm(found: dict) -> list[str]:
    """Return what should never be."""
    return [
        f"{run} {file} {kind}, {name}: {verdict}"
        for run, file, kind, verdicts in found["trials"]
        for name, verdict in verdicts.items()
        if verdict in BAD
    ]


def section(found: dict) -> str:
    """Return what the page says of it."""
    table: dict[tuple[str, str], dict[str, str]] = {}
    counts: Counter = Counter()
    for run, file, kind, verdicts in found["trials"]:
        cell = " ".join(LETTERS[verdicts[name]] for name in COMMANDS)
        table.setdefault((run, file), {})[kind] = cell
        counts.update(verdicts.values())
    kinds = [kind for kind in KINDS if any(kind in cells for cells in table.values())]
    rows = [
        [f"`{file}`" + (" (killed)" if run == "killed" else ""), *(c.get(k, "") for k in kinds)]
        for (run, file), c in table.items()
    ]
    told = ", ".join(f"{kind} {counts[kind]}" for kind in (ONE_LINE, WENT_ON, *BAD))
    return (
        "## Damaged files\n\n"
        f"{len(found['trials'])} cases, each under {', '.join(f'`{n}`' for n in COMMANDS)}: "
        f"{told}.\n\n"
        "A cell has a letter for each of the three: `l`, one line and exit status 2, and no file "
        "was touched; `r`, the rest was read, and what was trained or evaluated is to the last bit "
        "what the whole run would have given, or the file was named. What should not be is "
        "written in capitals.\n\n" + markdown(["file", *kinds], rows)
    )


if __name__ == "__main__":
    import sys

    print(json.dumps(measure(float(sys.argv[1]), print)))
