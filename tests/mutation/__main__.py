"""`python -m tests.mutation [FILE ...]`: mutate files, and say which mutants no test notices.

The verdicts are kept in .mutation/verdicts.json, from which `python -m tests.mutation.report` makes
the tables of docs/mutation.md.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_threads] = "1"  # processes are forked, and each has a core

from tests.mutation import runner  # noqa: E402  (NumPy reads the environment once)
from tests.mutation.mutants import Mutant, mutants_of  # noqa: E402
from tests.mutation.targets import TARGETS  # noqa: E402

CHECKOUT = Path.cwd()
VERDICTS = CHECKOUT / ".mutation" / "verdicts.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return 1 if the tests fail on code that is not mutated."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="targets; all by default")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sample", type=int, help="mutants of each file, drawn; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--survivors", action="store_true", help="only what survived last time")
    options = parser.parse_args(arguments)
    files = options.files or list(TARGETS)
    if unknown := sorted(set(files) - set(TARGETS)):
        parser.error(f"{', '.join(unknown)}: not in tests/mutation/targets.py")
    runner.warm_up()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        roots = [Path(folder) / str(number) for number in range(options.workers)]
        slots = [runner.Slot.copied(CHECKOUT, root) for root in roots]
        limits = baseline(files, slots)
        if limits is None:
            return 1
        kept = json.loads(VERDICTS.read_text()) if VERDICTS.exists() else {}
        for file in files:
            found = list(mutants_of(file, (CHECKOUT / file).read_text()))
            before = {key(row): row for row in kept.get(file, {}).get("rows", ())}
            if options.survivors:
                mutants = [mutant for mutant in found if key(asdict(mutant)) in before]
            else:
                mutants, before = draw(found, file, options.sample, options.seed), {}
            rows = judge(file, mutants, limits, slots, before)
            seconds = sum(row["seconds"] for row in rows)
            kept[file] = {"mutants": len(found), "seconds": seconds, "rows": rows}
            VERDICTS.parent.mkdir(exist_ok=True)
            VERDICTS.write_text(json.dumps(kept, indent=1))
    return 0


def unmutated(file: str) -> Mutant:
    """Return a file as it is."""
    return Mutant(file, 0, "none", "", "", (CHECKOUT / file).read_text())


def baseline(files: Sequence[str], slots: Sequence[runner.Slot]) -> dict[str, float] | None:
    """Return how long each file's tests may take; None, and say which, if some fail unmutated."""
    work = [(unmutated(file), TARGETS[file]) for file in files]
    limits, is_sound = {}, True
    for mutant, verdict in runner.verdicts(work, dict.fromkeys(files, 300.0), CHECKOUT, slots):
        limits[mutant.path] = 10 + 5 * verdict.seconds
        if verdict.outcome != "survived":
            print(f"{mutant.path}: unmutated, {verdict.test or 'its tests'}: {verdict.outcome}")
            is_sound = False
    return limits if is_sound else None


def draw(found: list[Mutant], file: str, sample: int | None, seed: int) -> list[Mutant]:
    """Return the mutants of a file to test, all of them by default."""
    if sample is None or sample >= len(found):
        return found
    return random.Random(f"{seed} {file}").sample(found, sample)


def judge(
    file: str,
    mutants: Sequence[Mutant],
    limits: dict[str, float],
    slots: Sequence[runner.Slot],
    before: dict[tuple, dict],
) -> list[dict]:
    """Return what became of a file's mutants, and print those that survived.

    Of mutants that were killed `before`, the verdict is kept.
    """
    kept = {name: row for name, row in before.items() if row["outcome"] != "survived"}
    rows = [kept[key(asdict(mutant))] for mutant in mutants if key(asdict(mutant)) in kept]
    work = [(mutant, TARGETS[file]) for mutant in mutants if key(asdict(mutant)) not in kept]
    began = time.monotonic()
    for mutant, verdict in runner.verdicts(work, limits, CHECKOUT, slots):
        row = asdict(mutant) | asdict(verdict)
        del row["source"]
        row["when_drawn"] = before.get(key(row), {}).get("when_drawn", verdict.outcome)
        rows.append(row)
        if verdict.outcome == "survived":
            print(f"  {file}:{mutant.line}: {mutant.before}  =>  {mutant.after}", flush=True)
    killed = sum(row["outcome"] != "survived" for row in rows)
    print(f"{file}: {killed} of {len(rows)} killed, {time.monotonic() - began:.0f} s", flush=True)
    return sorted(rows, key=lambda row: (row["line"], row["operator"], row["after"]))


def key(row: dict) -> tuple:
    """Return what tells a mutant from the others of its file."""
    return row["line"], row["operator"], row["before"], row["after"]


if __name__ == "__main__":
    raise SystemExit(main())
