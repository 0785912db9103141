"""Bad command lines and configurations, made up: each runs, or gives one clear line and exit 2.

    python -m tests.reliability.fuzzing 300 0

prints how many of each outcome there were, and every command that did anything else.
"""

import contextlib
import hashlib
import io
import os
import re
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from threefactor.experiments.command_line import main as command_line
from threefactor.experiments.command_line.option_table import option_table
from threefactor.experiments.configuration import PARTS
from threefactor.experiments.layers import configure
from threefactor.experiments.runs.index import INDEX
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.yaml_text import dump_yaml

#: A command that has not ended then hangs, unless it is in the closed loop: then it runs.
DEADLINE_S = 60.0
ENOUGH_S = 2.0
#: Words that Python and NumPy have for their own things: an error that has them is not clear.
_RAW = re.compile(
    r"object has no attribute|not subscriptable|to unpack|NoneType|out of range\b(?!.*expected)|"
    r"invalid literal|could not convert|could not be broadcast|unhashable|object is not|"
    r"positional argument|^error: ['\"]?\w*['\"]?$|<[\w.]+ object at"
)
ENOUGH = (0, 1, 2, 130)


@dataclass
class Outcomes:
    """What came of commands.

    Attributes
    ----------
    counts : Counter
        Of "ran", "one line, exit 2"; and, none of which there should be: "traceback", "hangs",
        "harms data", "unclear", "exit status".
    faults : list of (outcome, command, what was said)
    """

    counts: Counter = field(default_factory=Counter)
    faults: list[tuple[str, list[str], str]] = field(default_factory=list)

    def add(self, outcome: str, words: list[str], said: str) -> None:
        """Count an outcome."""
        self.counts[outcome] += 1
        if outcome not in ("ran", "one line, exit 2"):
            self.faults.append((outcome, words, said))


def fuzz(n: int, random_seed: int = 0) -> Outcomes:
    """Carry out `n` made up commands in this process, in a folder of their own."""
    outcomes = Outcomes()
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        home = _furnish(Path(name))

        @seed(random_seed)
        @settings(
            max_examples=n, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(words=commands())
        def carry_out(words: list[str]) -> None:
            if sum(outcomes.counts.values()) < n:
                outcomes.add(*home.outcome(words))

        carry_out()
    return outcomes


@dataclass
class _Home:
    """A folder with data that no bad command may harm."""

    data: Path
    pristine: Path
    digest: str

    def outcome(self, words: list[str]) -> tuple[str, list[str], str]:
        """Return what came of a command, the command, and what it said."""
        out, err = io.StringIO(), io.StringIO()
        state = _Watch()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), state:
            try:
                status = command_line.main(words)
            except _Hangs:
                return "hangs", words, "".join(traceback.format_stack(state.frame)[-6:])
            except BaseException:
                return "traceback", words, traceback.format_exc()
        said = err.getvalue()
        is_harmed = _digest(self.data) != self.digest
        if is_harmed:
            shutil.rmtree(self.data)
            shutil.copytree(self.pristine, self.data)
        shutil.rmtree("runs", ignore_errors=True)
        if is_harmed and status == 2:
            return "harms data", words, said
        if status not in ENOUGH:
            return "exit status", words, f"{status}: {said}"
        if status != 2:
            return "ran", words, said
        lines = said.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        is_clear = len(errors) == 1 and lines[-1] == errors[0] and len(errors[0]) < 1000
        if not is_clear or _RAW.search(errors[0]) or "Warning" in said:
            return "unclear", words, said
        return "one line, exit 2", words, said


class _Hangs(BaseException):
    pass


class _Watch:
    """Context that interrupts what runs for long enough, and ends what hangs."""

    def __init__(self) -> None:
        self.frame = None
        self._left = DEADLINE_S

    def __enter__(self) -> "_Watch":
        self._before = signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, ENOUGH_S)
        return self

    def __exit__(self, *_) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _look(self, number, frame) -> None:
        self._left -= ENOUGH_S
        signal.setitimer(signal.ITIMER_REAL, ENOUGH_S)
        self.frame = frame
        codes = {f.f_code for f, _ in traceback.walk_stack(frame)}
        if ClosedLoop.run.__code__ in codes:
            os.kill(os.getpid(), signal.SIGINT)
        elif self._left <= 0:
            raise _Hangs


def _digest(folder: Path) -> str:
    hasher = hashlib.sha256()
    for path in sorted(set(folder.rglob("*")) - set(folder.rglob(INDEX))):
        hasher.update(str(path).encode() + (path.read_bytes() if path.is_file() else b""))
    return hasher.hexdigest()


QUICK = [
    "--env", "Identity-v0", "--preset", "none", "--model", "feed-forward", "--modulator", "reward",
    "--episodes", "2", "--max-episode-steps", "3", "--window-ms", "5", "--engine", "runtime-numpy",
    "--reference-episodes", "0", "--quiet", "--no-figures", "--model.neurons-per-action", "2",
]  # fmt: skip
CODE = """
from threefactor import Rule
class NotFrozen(Rule):
    pass
1/0 if False else None
"""


def _furnish(folder: Path) -> _Home:
    """Lay out a finished run, files that are no runs, and settings."""
    data = folder / "data"
    data.mkdir()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert command_line.main(["train", *QUICK, "--out", "data/run"]) == 0
    (data / "empty").mkdir()
    (data / "file").write_text("no run")
    (data / "mine.py").write_text(CODE)
    (data / "broken.py").write_text("def f(:")
    (data / "fails.py").write_text("import there_is_no_such_module")
    pristine = folder / "pristine"
    shutil.copytree(data, pristine)
    return _Home(data, pristine, _digest(data))


WORDS = (
    "", " ", "0", "1", "-1", "2", "3.5", "-0", "nan", "inf", "-inf", "1e300", "1e-300", "1e400",
    "999999999999999999999999", "1000000000", "1:30", "010", "0x10", "1_0", "none", "None", "null",
    "true", "True", "yes", "abc", "reward", "softmax", "lif", "é", "\u202e", "a\nb", "[1]", "{}",
    "1,2", ",", "..", "/", "/dev/null", "~", "x" * 5000, "9" * 5000, "%s", "$HOME", "*", "'", '"',
    "data/run", "data/file", "data/mine.py:NotFrozen", "data/broken.py:X", "data/fails.py:X",
    "data/mine.py:None", "data/mine.py", "missing.py:X", ":", "::", ":X", "x:", "=", "-", "--",
)  # fmt: skip
ENVIRONMENTS = (
    "GridWorld-v0", "CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "Blackjack-v1", "LunarLander-v3",
    "CartPole-v9", "cartpole", "gridworld-v0", "ALE/Pong-v5", "Ant-v3", "phys2d/CartPole-v1",
    "os:X-v0", "nopkg:X-v0", "a:b:c", "data/mine.py:X-v0", "data/fails.py:X-v0",
)  # fmt: skip
RUNS = ("data/run", "data/empty", "data/file", "missing", ".", "/", "", "data/run/meta.json")


def commands():
    """Return what makes up whole command lines."""
    return st.one_of(
        _trains(), _trains(), _trains(), _configured(), _configured(), _resumes(), _evaluations(),
        _plots(), _readers(), _plans(), _plans(), _checks(), _cards(), _reproductions(),
        _lists(), _others(),
    )  # fmt: skip


def _values():
    numbers = st.one_of(
        st.integers(-5, 200).map(str), st.floats(width=32).map(repr), st.integers().map(str)
    )
    texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
    return st.one_of(st.sampled_from(WORDS), st.sampled_from(WORDS), numbers, texts)


def _misspelt(names):
    """Return names, most of them right, some with a slip."""
    slips = st.builds(
        lambda name, at, letter: name[: at % (len(name) + 1)] + letter + name[at % len(name) + 1 :],
        st.sampled_from(names), st.integers(0, 60), st.sampled_from(list("abz-_.=é ")),
    )  # fmt: skip
    return st.one_of(*5 * [st.sampled_from(names)], slips)


def _flags():
    """Return the options of a run and of the parts that it may be made of."""
    quick = dict(zip(QUICK[::2], QUICK[1::2], strict=False))
    base = configure({"env": quick["--env"], "preset": "none"})
    own = [
        *option_table(base), "--control", "--each",
        *(f"--{name.replace('_', '-')}" for name in PARTS),
        "--preset", "--decoder.temperature", "--encoder.low", "--schedule.parameter",
    ]  # fmt: skip
    # With these, what is meant to be quick would be compiled, or would go on for hours.
    slow = ("--engine", "--episodes", "--max-episode-steps", "--reference-episodes", "--workers")
    return [flag for flag in own if flag not in slow]


def _names():
    """Return names of parts, of all kinds: most do not fit."""
    return st.sampled_from(sorted({name for part in PARTS.values() for name in part.table}))


def _options():
    flag = _misspelt(_flags())
    value = st.one_of(_values(), _values(), _names())
    one = st.builds(lambda f, v: [f, v], flag, value)
    joined = st.builds(lambda f, v: [f"{f}={v}"], flag, value)
    several = st.builds(lambda f, v: [f, *v], flag, st.lists(value, min_size=0, max_size=3))
    environment = st.sampled_from(ENVIRONMENTS).map(lambda name: ["--env", name])
    choice = st.one_of(
        st.builds(lambda f, v: [f, v], st.just(f"--{name.replace('_', '-')}"),
                  st.sampled_from(sorted(part.table)))
        for name, part in PARTS.items()
    )  # fmt: skip
    engine = st.sampled_from(["gpu", ""]).map(lambda name: ["--engine", name])
    counted = st.builds(
        lambda f, v: [f, v],
        st.sampled_from(["--episodes", "--max-episode-steps", "--reference-episodes", "--workers"]),
        st.sampled_from(["0", "-1", "nan", "1e400", "x", "", "3.5", "none", "9" * 30, "1"]),
    )
    each = st.builds(
        lambda f, v: ["--each", f"{f[2:]}={','.join(v)}"], flag, st.lists(_values(), max_size=3)
    )
    out = st.sampled_from(["data/run", "data/file", "/dev/null/x", "new", "/proc/x", ""]).map(
        lambda place: ["--out", place]
    )
    return st.one_of(
        one, one, one, choice, choice, joined, several, environment, engine, counted, each, out
    )


def _trains():
    return st.builds(
        lambda options, shows: [
            "train", *QUICK, *(word for option in options for word in option),
            *(["--print-config"] if shows else []),
        ],
        st.lists(_options(), min_size=1, max_size=3), st.booleans(),
    )  # fmt: skip


def _settings():
    """Return settings as data, with names and values of which few fit."""
    keys = _misspelt([flag[2:].partition(".")[0] for flag in _flags()])
    fields = _misspelt([flag[2:].partition(".")[2] or "name" for flag in _flags()])
    plain = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(WORDS), _names()
    )
    nested = st.recursive(
        plain,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.one_of(fields, st.integers()), inner, max_size=3),
        ),
        max_leaves=6,
    )
    return st.dictionaries(st.one_of(keys, st.integers(0, 3)), nested, min_size=1, max_size=4)


def _texts():
    """Return texts that may be settings."""
    written = _settings().map(dump_yaml)
    torn = st.builds(
        lambda text, at, other: text[: at % (len(text) + 1)] + other + text[at % (len(text) + 1) :],
        written,
        st.integers(0, 200),
        st.sampled_from([":", "\t", "- ", "[", "{", "&a ", "*a", "!!int ", "\n", "%", "'", "\0"]),
    )
    twice = written.map(lambda text: text + text)
    deep = st.sampled_from(
        ["a: " + "[" * 10_000, "a: &a [*a]", "- 1", "x", "", "1: 2", "a = 1\na = 2", "[a]\n[a]",
         "a = " + "[" * 5000, "env_kwargs: {1: 2}", "env_kwargs: 3", "episodes: 1:30",
         "seed: 1e400", "replicas: " + "9" * 5000, "rule: &r {name: *r}", "each: {rule.x: 3}",
         "each: [1]", "schedule: {parameter: {a: b}}", "env: [x]", "preset: 3", "model: [1, 2]"]
    )  # fmt: skip
    return st.one_of(written, written, torn, twice, deep)


def _configured():
    def write(text, name, options, encoding):
        Path(name).write_bytes(text.encode(encoding))
        return ["train", *QUICK[:4], "--config", name, *QUICK[4:], *options]

    return st.builds(
        write, _texts(), st.sampled_from(["s.yaml", "s.yaml", "s.yml", "s.toml", "s.json"]),
        st.one_of(st.just([]), _options()), st.sampled_from(["utf-8", "utf-8", "utf-16"]),
    )  # fmt: skip


def _mixed(command, place, flags):
    """Return a command with places that may be wrong, and options of its own that may be."""
    option = st.builds(lambda f, v: [f, *v], _misspelt(flags), st.lists(_values(), max_size=2))
    return st.builds(
        lambda where, options: [*command, *where, *(word for o in options for word in o)],
        st.lists(place, min_size=0, max_size=2), st.lists(option, max_size=2),
    )  # fmt: skip


def _resumes():
    flags = ["--episodes", "--quiet", "--no-figures", "--seed", "--out", "--workers"]
    return _mixed(["train", "--no-figures", "--resume"], st.sampled_from(RUNS), flags)


def _evaluations():
    flags = [
        "--episodes", "--seed", "--max-episode-steps", "--greedy", "--record", "--dimensions",
        "--film",
    ]  # fmt: skip
    return _mixed(["evaluate"], st.sampled_from(RUNS), flags)


def _plots():
    return _mixed(["plot"], st.sampled_from(RUNS), ["--out", "--window-ms"])


def _readers():
    flags = ["--by", "--baseline", "--env", "--threshold", "--window", "--reference", "--out",
             "--csv", "--json", "--bin-ms"]  # fmt: skip
    place = st.sampled_from([run for run in RUNS if run != "/"])  # all there is takes its time
    return st.one_of(*(_mixed([name], place, flags) for name in ("compare", "analyse", "runs")))


def _plans():
    """Return sweeps, which are only printed, and tunings, of no trials at all."""
    plain = st.one_of(st.integers(-1, 3), st.sampled_from(WORDS), st.floats(), _names())
    ranges = st.dictionaries(
        st.sampled_from(["uniform", "log_uniform", "integers", "choice", "x"]),
        st.lists(plain, max_size=3), max_size=2,
    )  # fmt: skip
    inner = st.dictionaries(
        st.sampled_from([*(flag[2:] for flag in _flags()), "rule", "x"]),
        st.one_of(plain, st.lists(plain, max_size=3), ranges), max_size=3,
    )  # fmt: skip
    names = ["base", "grid", "list", "random", "samples", "random_seed", "seeds", "chunk", "search"]
    content = st.dictionaries(
        st.sampled_from([*names, "trials", "bases"]),
        st.one_of(inner, inner, st.lists(inner, max_size=2), plain), max_size=4,
    )  # fmt: skip

    def write(text, command, options):
        Path("plan.yaml").write_text(text)
        return [*command, *options]

    commands_of = st.sampled_from(
        [["sweep", "plan.yaml", "--print"], ["sweep", "data/empty", "--print"],
         ["tune", "plan.yaml", "--trials", "0"], ["tune", "data/run", "--trials", "-1"]]
    )  # fmt: skip
    option = st.builds(
        lambda f, v: [f, v],
        _misspelt(["--chunk", "--seeds", "--workers", "--out"]),
        st.sampled_from(["0", "-1", "x", "", "nan", "1e9", "data/file"]),
    )
    return st.builds(
        write,
        st.one_of(content.map(dump_yaml), _texts()),
        commands_of,
        st.one_of(st.just([]), option),
    )


def _checks():
    wrong = st.one_of(st.sampled_from(WORDS), _misspelt(["argmax", "one-hot", "softmax", "fixed"]))
    return _mixed(["check"], wrong, ["--kind", "--json", "--neuron", "--x"])


def _cards():
    wrong = st.sampled_from([*WORDS, "rsdtp", "data/mine.py:NotFrozen"])
    return _mixed(["card"], wrong, ["--out", "--budget", "--neuron"])


def _reproductions():
    wrong = st.sampled_from([*WORDS, "gridworld", "florian"])
    flags = ["--budget", "--seeds", "--engine", "--workers", "--out", "--keep"]
    return _mixed(["reproduce"], wrong, flags)


def _lists():
    return _mixed(["list"], st.sampled_from([*WORDS, "rules", "envs", "presets"]), ["--x"])


def _others():
    known = ["train", "evaluate", "plot", "check", "card", "reproduce", "list", "--help"]
    return st.lists(_misspelt(known), min_size=1, max_size=2).map(
        lambda words: [w for w in words if w != "train"] or ["--help"]
    )


def report(outcomes: Outcomes) -> str:
    """Return counts, and what should not have been."""
    lines = [f"{count:5d} {outcome}" for outcome, count in sorted(outcomes.counts.items())]
    for outcome, words, said in outcomes.faults:
        lines.append(f"\n{outcome}: {' '.join(repr(word)[:120] for word in words)}\n{said}")
    return "\n".join(lines)


if __name__ == "__main__":
    warnings.simplefilter("default")
    given_numbers = [int(word) for word in sys.argv[1:3]]
    print(report(fuzz(*given_numbers)))
