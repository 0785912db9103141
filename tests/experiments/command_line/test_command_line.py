"""run.py: every kind of training, exit statuses, one-line errors, Ctrl-C, what is imported."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import run
from threefactor.envs.bridge import DECODERS, ENCODERS
from threefactor.experiments.command_line.main import COMMANDS
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.models import MODELS
from threefactor.rules.modulators import MODULATORS

ROOT = Path(__file__).parents[3]
QUICK = [
    "--episodes", "2", "--max-episode-steps", "5", "--window-ms", "5", "--quiet", "--no-figures",
    "--reference-episodes", "0", "--model.neurons-per-action", "2",
]  # fmt: skip
IDENTITY = ["--env", "Identity-v0", *QUICK]
CRITIC = ["--model.critic-neurons", "4"]


def main(*arguments, capsys=None):
    """Run the command line in this process; give (status, standard output, standard error)."""
    try:
        status = run.main([str(argument) for argument in arguments])
    except SystemExit as exit_:
        status = exit_.code
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the default run directory is below the present folder

    def call(*arguments):
        return main(*arguments, capsys=capsys)

    return call


def spawn(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *map(str, arguments)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def episodes(path):
    with open(path / "episodes.csv") as file:
        return list(csv.DictReader(file))


MODEL_RUNS = {f"model {name}": [*IDENTITY, "--model", name] for name in MODELS}
MODEL_RUNS["model actor-critic"] += CRITIC
MODEL_RUNS["model td-actor-critic"] += [
    *CRITIC, "--modulator", "reward", "--rule", "td-ltp-continuous", "--critic-rule",
    "td-ltp-continuous",
]  # fmt: skip
for _name in ("feed-forward", "layered", "recurrent"):
    MODEL_RUNS[f"model {_name}"] += ["--modulator", "td-linear"]
MODEL_RUNS["model layered"] += ["--model.hidden-neurons", "2"]
MODEL_RUNS["model recurrent"] += ["--model.recurrent-neurons", "12"]

FEED_FORWARD = [*IDENTITY, "--model", "feed-forward"]
MODULATOR_RUNS = {
    f"modulator {name}": [*FEED_FORWARD, "--modulator", name]
    for name in MODULATORS if name not in ("td", "td-linear", "feedback")
}  # fmt: skip
MODULATOR_RUNS["modulator feedback"] = [
    *FEED_FORWARD, "--modulator", "feedback", "--modulator.n-post", "4"
]  # fmt: skip

PENDULUM = ["--env", "Pendulum-v1", *QUICK, "--model", "feed-forward", "--encoder", "on-off"]
DECODER_RUNS = {
    f"decoder {name}": [*FEED_FORWARD, "--modulator", "reward", "--decoder", name]
    for name in ("softmax", "first-to-spike")
} | {
    f"decoder {name}": [*PENDULUM, "--modulator", "reward", "--decoder", name]
    for name in ("population-vector", "weighted-mean", "ring")
}  # fmt: skip
DECODER_RUNS["decoder membrane"] = [
    *PENDULUM, "--modulator", "reward", "--decoder", "membrane", "--neuron", "readout",
    "--rule", "td-critic", "--model.neurons-per-action", "1",
]  # fmt: skip

CARTPOLE = [
    "--env",
    "CartPole-v1",
    "--preset",
    "none",
    *QUICK,
    "--model",
    "feed-forward",
    "--modulator",
    "td-linear",
]
ENCODER_RUNS = {
    f"encoder {name}": [*CARTPOLE, "--encoder", name, "--encoder.normalise", "running"]
    for name in ("gaussian", "on-off", "tile", "rate")
}  # fmt: skip
ENCODER_RUNS["encoder k-of-n"] = [*FEED_FORWARD, "--modulator", "reward", "--encoder", "k-of-n"]
RULE_RUNS = {
    "rule dopamine-stdp": [*FEED_FORWARD, "--modulator", "reward", "--rule", "dopamine-stdp"],
    "rule stdp, frozen": [*FEED_FORWARD, "--modulator", "reward", "--rule", "stdp",
                          "--control", "frozen"],
    "control shuffled": [*FEED_FORWARD, "--modulator", "reward", "--control", "shuffled"],
    "three replicas": [*FEED_FORWARD, "--modulator", "reward", "--replicas", "3"],
    "schedule interval": [*FEED_FORWARD, "--modulator", "reward", "--schedule", "interval",
                          "--schedule.parameter", "actor.v_slope", "--schedule.start", "6",
                          "--schedule.end", "2", "--schedule.episodes-per-step", "1"],
    "half a millisecond": [*FEED_FORWARD, "--modulator", "reward", "--timestep-ms", "0.5"],
}  # fmt: skip
RUNS = {**MODEL_RUNS, **MODULATOR_RUNS, **DECODER_RUNS, **ENCODER_RUNS, **RULE_RUNS}


def test_every_kind_is_run():
    words = " ".join(word for arguments in RUNS.values() for word in arguments).split()
    for table in (MODELS, MODULATORS, {n: 0 for n in DECODERS if n != "argmax"}):
        assert set(table) - {"td"} <= set(words)
    assert set(ENCODERS) - {"one-hot"} <= set(words)


@pytest.mark.parametrize("name", RUNS)
def test_two_episodes_of_every_kind(name, cli, tmp_path):
    out = tmp_path / "run"
    status, printed, err = cli("train", *RUNS[name], "--out", out)
    assert (status, err) == (0, "")
    assert str(out) in printed
    n_replicas = 3 if name == "three replicas" else 1
    assert len(episodes(out)) == 2 * n_replicas
    summary = json.loads((out / "summary.json").read_text())
    assert summary["interrupted"] is False
    assert summary["engine"] == "compiled"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One finished run that no test changes."""
    out = tmp_path_factory.mktemp("trained") / "run"
    assert run.main(["train", *FEED_FORWARD, "--modulator", "reward", "--out", str(out)]) == 0
    return out


ERRORS = {
    "no such command": (["trian"], "Unknown command 'trian'. Did you mean 'train'?"),
    "no command but an option": (["--env"], "Unknown command '--env'. Known: train"),
    "unknown environment": (["train", "--env", "GridWorl-v0"], "Did you mean 'GridWorld-v0'"),
    "unknown rule": (["train", "--rule", "rsdtp"], "Unknown rule 'rsdtp'. Did you mean 'rstdp'?"),
    "unknown model": (["train", "--model", "layerd"], "Did you mean 'layered'?"),
    "unknown neuron": (["train", "--neuron", "lff"], "Unknown neuron 'lff'. Did you mean 'lif'?"),
    "no environment": (["train", "--env", ""], "--env takes one value, got none."),
    "unknown package": (["train", "--env", "nopkg:A-v0"], "the module 'nopkg'"),
    "unknown engine": (["train", "--engine", "gpu"], "Unknown engine 'gpu'."),
    "unknown control": (["train", "--control", "x"], "Unknown control 'x'."),
    "unknown option": (
        ["train", "--episods", "3"], "Unknown option --episods. Did you mean '--episodes'?",
    ),
    "unknown option of a part": (
        ["train", "--rule.learning-rat", "3"], "Did you mean '--rule.learning-rate'?",
    ),
    "option of another rule": (
        ["train", "--rule", "stdp", "--rule.trace-decay", "0.5"],
        "Unknown option --rule.trace-decay. rule 'stdp' has: learning-rate, ",
    ),
    "value without an option": (["train", "fast"], "expected an option such as --env, got 'fast'"),
    "text for an integer": (["train", "--episodes", "few"], "--episodes must be int, got 'few'."),
    "fraction for an integer": (["train", "--seed", "2.5"], "--seed must be int, got '2.5'."),
    "text for a number": (
        ["train", "--rule.learning-rate", "big"], "--rule.learning-rate must be float, got 'big'.",
    ),
    "not a number": (["train", "--rule.learning-rate", "nan"], "must be a finite number, got nan"),
    "text for a truth value": (
        ["train", "--model", "layered", "--model.is-modular", "7"],
        "--model.is-modular must be bool, got '7': write true or false.",
    ),
    "option without its value": (["train", "--episodes"], "--episodes takes one value, got none."),
    "choice without its value": (["train", "--out", "--quiet"], "--out takes one value, got none."),
    "two values": (["train", "--seed", "1", "2"], "--seed takes one value, got 1 2."),
    "value of a switch": (["train", "--quiet", "yes"], "--quiet takes no value, got 'yes'."),
    "unknown list": (["list", "rule"], "Unknown list 'rule'. Did you mean 'rules'?"),
    "missing rule file": (["train", "--rule", "mine.py:Mine"], "there is no file 'mine.py'"),
    "missing configuration": (["train", "--config", "no.yaml"], "no.yaml: no such config"),
    "no episodes": (["train", "--episodes", "0"], "episodes must be >= 1, got 0"),
    "rule without its neuron": (
        ["train", *FEED_FORWARD, "--neuron", "lif"], "ReinforceSign needs ['score']",
    ),
    "schedule of nothing known": (
        ["train", *FEED_FORWARD, "--modulator", "reward", "--schedule", "interval",
         "--schedule.parameter", "actor.v_slop"], "Did you mean 'actor.v_slope'?",
    ),
    "modulator without its critic": (
        ["train", *FEED_FORWARD, "--modulator", "td"], "reads a critic population",
    ),
    "encoder without its space": (
        ["train", *FEED_FORWARD, "--encoder", "tile"], "expected a Box observation space",
    ),
    "decoder without its space": (
        ["train", *FEED_FORWARD, "--decoder", "weighted-mean"], "expected a Box action space",
    ),
    "decoder without its neuron": (
        ["train", *PENDULUM, "--decoder", "membrane"], "expected readout neurons",
    ),
    "window that is no multiple": (
        ["train", "--window-ms", "2.5"], "window_ms must be a multiple of timestep_ms",
    ),
    "out below a file": (
        ["train", *FEED_FORWARD, "--modulator", "reward", "--out", "/dev/null/run"],
        "Run directory /dev/null/run: expected a place that can be written to",
    ),
    "resume nothing": (["train", "--resume", "nowhere"], "nowhere: no such run directory."),
    "resume no run": (["train", "--resume", "."], ".: expected a run directory, got a folder"),
    "resume without its run": (["train", "--resume"], "argument --resume: expected one argument"),
    "evaluate nothing": (["evaluate", "nowhere"], "nowhere: no such run directory."),
    "evaluate no run": (["evaluate", "."], ".: expected a run directory, got a folder"),
    "evaluate without its run": (["evaluate"], "the following arguments are required: run"),
    "evaluate words": (["evaluate", "x", "--bits", "8", "x"], "invalid int value: 'x'"),
    "evaluate few": (["evaluate", "x", "--episodes", "few"], "invalid int value: 'few'"),
    "plot of nothing": (["plot", "nowhere"], "nowhere: no such run directory."),
    "plot of no run": (["plot", "."], ".: expected a run directory, got a folder"),
    "plot of half a window": (["plot", ".", "--window-ms", "0"], "expected 2 arguments"),
    "check nothing": (["check"], "name a part, a FILE.py:Class or --all; see `threefactor check"),
    "check all and one": (["check", "rstdp", "--all"], "name a part, a FILE.py:Class or --all"),
    "check an unknown rule": (["check", "rsdtp"], "Unknown part 'rsdtp'. Did you mean 'rstdp'?"),
    "check a missing file": (["check", "mine.py:Mine"], "there is no file 'mine.py'"),
    "check on no engine": (["check", "rstdp", "--engine", "gpu"], "Unknown engine 'gpu'. Known:"),
    "check behind no neuron": (["check", "rstdp", "--neuron", "lff"], "Unknown neuron 'lff'."),
    "check, abbreviated": (["check", "--al"], "unrecognized arguments: --al"),
    "report in no folder": (
        ["check", "rstdp", "--json", "no/report.json"], "expected a place that can be written to",
    ),
    "card of nothing": (["card"], "the following arguments are required: RULE"),
    "card of an unknown rule": (["card", "rstdp", "rsdtp"], "Unknown rule 'rsdtp'."),
    "card behind no neuron": (["card", "rstdp", "--neuron", "lff"], "Unknown neuron 'lff'."),
    "card below a file": (
        ["card", "rstdp", "--out", "/dev/null/cards"],
        "Folder /dev/null/cards: expected a place that can be written to, got 'Not a directory'.",
    ),
    "reproduce nothing": (["reproduce"], "expected the NAME of an experiment, or --all"),
    "unknown experiment": (["reproduce", "gridwrld"], "Unknown experiment 'gridwrld'."),
    "reproduce in no time": (
        ["reproduce", "reinforce-xor", "--budget", "0"], "budget must be > 0, got 0.0.",
    ),
    "reproduce without seeds": (
        ["reproduce", "reinforce-xor", "--seeds", "0"], "seeds must be >= 1, got 0.",
    ),
    "reproduce on no engine": (
        ["reproduce", "reinforce-xor", "--engine", "gpu"], "Unknown engine 'gpu'.",
    ),
    "reproduce below a file": (
        ["reproduce", "reinforce-xor", "--out", "/dev/null/x"],
        "Folder /dev/null/x: expected a place that can be written to, got 'Not a directory'.",
    ),
    "each of too few": (
        ["train", "--each", "rule.learning-rate=1,2", "--replicas", "3"],
        "each.rule.learning_rate: expected one value for each of 3 replicas, got 2;",
    ),
    "each of nothing": (["train", "--each"], "--each takes a setting and a value for each replica"),
    "each without values": (["train", "--each", "rule.learning-rate"], "got rule.learning-rate."),
    "each of what there is not": (
        ["train", "--each", "rule.lerning-rate=1,2"], "Did you mean 'rule.learning_rate'?",
    ),
    "each of a run": (["train", "--each", "seed=1,2"], "there is no setting 'seed' of a part"),
    "each of a list": (
        ["train", "--each", "encoder.groups=0,1"], "encoder.groups is no single number or word",
    ),
    "each of no number": (
        ["train", "--each", "rule.learning-rate=1,x"], "--each rule.learning-rate must be float",
    ),
    "each out of range": (
        ["train", "--each", "modulator.discount=0.9,2"], "TemporalDifference",
    ),
    "keep a short try": (
        ["reproduce", "reinforce-xor", "--keep", "--budget", "0.5"], "--keep is for full runs",
    ),
    "keep some seeds": (
        ["reproduce", "--all", "--keep", "--seeds", "3"], "leave out --budget and --seeds",
    ),
    "list twice": (["list", "rules", "models"], "unrecognized arguments: models"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_every_expected_error_is_one_line_and_status_2(name, cli, tmp_path):
    arguments, message = ERRORS[name]
    status, out, err = cli(*arguments)
    assert message in err
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert (status, out) == (2, "")
    assert list(tmp_path.iterdir()) == []


ONE_PROCESS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import run
for name, arguments in json.loads(sys.argv[2]).items():
    assert run.main(arguments) == 2, name
    heavy = {"brian2", "matplotlib", "scipy"} & set(sys.modules)
    assert not heavy, (name, heavy)
"""


def test_errors_come_before_anything_that_takes_long_is_imported(tmp_path):
    cases = {name: arguments for name, (arguments, _) in ERRORS.items()}
    command = [sys.executable, "-c", ONE_PROCESS, str(ROOT), json.dumps(cases)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == len(cases)


@pytest.mark.parametrize("option", [["--rule", "stdp"], ["--seed", "3"], ["--out", "x"]])
def test_resume_refuses_other_settings(option, cli, trained):
    status, out, err = cli("train", "--resume", trained, *option)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {option[0]} cannot change: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("encoder", ["gaussian", "on-off", "tile", "rate", "k-of-n"])
def test_limits_of_an_unbounded_box_are_found_said_and_kept(encoder, cli, tmp_path):
    arguments = ["train", *CARTPOLE, "--encoder", encoder, "--out", tmp_path / "run"]
    status, _, err = cli(*arguments)
    assert status == 0
    said = [line for line in err.splitlines() if line.startswith("encoder: ")]
    assert len(said) == 1
    assert said[0].startswith("encoder: limits of dimensions 1, 3 from 1000 random steps: ")
    kept = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["encoder"]
    assert len(kept["low"]) == len(kept["high"]) == 4
    assert cli("train", "--config", tmp_path / "run" / "config.yaml", "--print-config")[2] == ""


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--episodes", "0"], "episodes must be >= 1, got 0."),
        (["--seed", "-1"], "seed must be >= 0, got -1."),
        (
            ["--bits", "8", "33"],
            "bits of a weight: expected 2 to 32, one of them for its sign, got 33.",
        ),
        (["--film", "a.avi"], "film: expected a name that ends in .gif or .mp4, got 'a.avi'."),
        (["--dimensions", "0", "1"], "dimensions: expected --record with it, which makes the map."),
    ],
)
def test_evaluate_refuses_impossible_numbers(option, message, cli, trained):
    status, out, err = cli("evaluate", trained, *option)
    assert (status, out, err) == (2, "", f"error: {message}\n")


def test_help_and_usage(cli):
    status, out, _ = cli("--help")
    assert status == 0
    for command in COMMANDS:
        assert f"\n  {command} " in out
        status, text, _ = cli(command, "--help")
        assert status == 0
        assert "usage" in text
    assert cli()[0] == 2


@pytest.mark.parametrize("width", [60, 80, 200])
def test_help_of_train_fits_the_terminal_and_shows_present_values(width, cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    status, out, err = cli("train", "--help", "--env", "MountainCar-v0", "--rule", "rstdp-et")
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= width
    text = " ".join(out.split())
    assert "--env ID environment [MountainCar-v0];" in text
    assert "--rule.learning-rate FLOAT Scale of every weight change" in text
    assert "--max-episode-steps INT|None Replaces the environment's time limit. [1000]" in text
    assert "--encoder.low FLOAT ..." in text


LISTS = (
    "envs",
    "presets",
    "rules",
    "models",
    "neurons",
    "encoders",
    "decoders",
    "modulators",
    "experiments",
)


def columns(table):
    """Return (key, text) of every line of a table; the key of a line that goes on is empty."""
    return [re.fullmatch(r"  (\S*) +(\S.*)", line).groups() for line in table.splitlines()[1:]]


def further(text):
    """Return what lists say in lines below an entry's own."""
    return [text for table in text.strip().split("\n\n") for key, text in columns(table) if not key]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("what", [*LISTS, ""])
def test_lists_fit_the_terminal_in_aligned_lines_of_whole_words(what, width, cli, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # parallel test runners set it
    whole = cli("list", *what.split())[1]
    monkeypatch.setenv("COLUMNS", str(width))
    status, shown, err = cli("list", *what.split())
    assert (status, err) == (0, "")
    assert max(map(len, shown.splitlines())) <= width
    starts = {
        line.index(text)
        for table in shown.strip().split("\n\n")
        for line, (_, text) in zip(table.splitlines()[1:], columns(table), strict=True)
    }
    assert len(starts) == 1
    assert " ".join(further(shown)) == " ".join(further(whole))
    shown, whole = ([x for x in text.splitlines() if x[2:3] != " "] for text in (shown, whole))
    for short, long in zip(shown, whole, strict=True):
        kept = short.removesuffix(" ...")
        assert long.startswith(kept)
        assert short == long or re.match(r"[ ,;:(]", long[len(kept) :])
        assert short == long or len(kept) > width / 2


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["train", "--help"]])
def test_a_reader_that_goes_away_is_no_error(arguments, tmp_path):
    """As in ``run.py list | head -1``."""
    process = spawn(*arguments, cwd=tmp_path)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), err) == (141, "")


def test_list(cli):
    status, out, _ = cli("list")
    assert status == 0
    for table in (MODELS, MODULATORS, ENCODERS, DECODERS):
        assert set(table) <= set(out.split())
    assert "GridWorld-v0" in cli("list", "envs")[1]


def test_lists_say_what_must_fit(cli, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    rules, neurons = cli("list", "rules")[1], cli("list", "neurons")[1]
    assert re.search(
        r"  eprop-reward .*\n +requires psi, psi_adaptation, .*; waits for lear", rules
    )
    assert re.search(r"  stdp-voltage .*\n +requires v in volt\n", rules)
    assert re.search(r"  rstdp .*\n  rstdp-et ", rules)
    assert re.search(
        r"  escape-lif .*\n +exposes v, rate, p, z, score, sensitivity, tau_me", neurons
    )


def test_print_config_repeats_the_run(cli, tmp_path, trained):
    arguments = ["train", *FEED_FORWARD, "--modulator", "reward"]
    status, text, _ = cli(*arguments, "--print-config")
    assert status == 0
    (tmp_path / "again.yaml").write_text(text)
    again = tmp_path / "again"
    assert cli("train", "--config", "again.yaml", "--quiet", "--no-figures", "--out", again)[0] == 0
    assert episodes(again) == episodes(trained)
    assert (again / "config.yaml").read_text() == (trained / "config.yaml").read_text()


def test_non_empty_out_is_refused_without_damage(cli, trained):
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    status, _, err = cli("train", *FEED_FORWARD, "--modulator", "reward", "--out", trained)
    assert status == 2
    assert "expected a new or empty directory" in err
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_evaluate_and_resume(cli, tmp_path):
    out = tmp_path / "run"
    arguments = ["--quiet", "--no-figures"]
    assert cli("train", *FEED_FORWARD, "--modulator", "reward", "--out", out)[0] == 0
    status, text, _ = cli("evaluate", out, "--episodes", "3")
    assert status == 0
    assert "3 episodes, learning off" in text
    status, text, _ = cli("train", "--resume", out, "--episodes", "4", *arguments)
    assert status == 0
    assert [row["episode"] for row in episodes(out)] == ["1", "2", "3", "4"]


def test_default_directory_and_rule_of_ones_own(cli, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom threefactor import Rule\n"
        "@dataclass(frozen=True)\nclass Mine(Rule):\n"
        '    """Moves every weight with the third factor."""\n'
        '    consolidate = "w += learning_rate*third_factor"\n'
    )
    status, out, _ = cli(
        "train", *FEED_FORWARD, "--modulator", "reward", "--rule", "mine.py:Mine",
        "--rule.learning-rate", "0.5", "--engine", "runtime-numpy",
    )  # fmt: skip
    assert status == 0
    (found,) = (tmp_path / "runs" / "Identity-v0").glob("*/*/summary.json")
    assert "Mine" in str(found.parent.parent)
    assert "Mine" in out


def test_a_bug_shows_its_traceback_when_asked(cli, monkeypatch):
    monkeypatch.setenv("THREEFACTOR_DEBUG", "1")
    with pytest.raises(ValueError, match="Unknown rule"):
        cli("train", "--rule", "rsdtp")


PROBE = """
import sys
sys.argv = ["run.py", *sys.argv[1:]]
sys.path.insert(0, ".")
import run
try:
    status = run.main(sys.argv[1:])
except SystemExit as exit_:
    status = exit_.code
print("PROBE", status, "brian2" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["train", "--help"], 0),
        (["list"], 0),
        (["train", *FEED_FORWARD, "--modulator", "reward", "--out", "OUT"], 0),  # warm start
    ],
)
def test_brian2_is_not_imported(arguments, status, tmp_path, trained):
    arguments = [str(tmp_path / "run") if word == "OUT" else word for word in arguments]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.stderr.strip().splitlines()[-1] == f"PROBE {status} False"


def test_interrupt_keeps_and_summarises(tmp_path, trained):
    """Ctrl-C in a long run: status 130, a readable run, resumable where it had a checkpoint."""
    out = tmp_path / "run"
    arguments = ["--episodes", "10000000", "--modulator", "reward", "--out", out]
    process = spawn("train", *FEED_FORWARD, *arguments, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (out / "episodes.csv").exists() and len((out / "episodes.csv").read_text()) > 2000:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    status, printed, err = finish(process)
    assert status == 130
    assert "Traceback" not in err
    assert "interrupted: keeping what was done" in err
    assert f"To go on: python run.py train --resume {out}" in printed
    summary = json.loads((out / "summary.json").read_text())
    assert summary["interrupted"] is True
    assert summary["episodes"] > 10
    assert len(episodes(out)) == summary["episodes"]
    assert not (out / "DONE").exists()
    assert not (out / "FAILED").exists()
    total = summary["episodes"] + 3
    resumed = spawn("train", "--resume", out, "--episodes", total, "--no-figures", cwd=tmp_path)
    assert finish(resumed)[0] == 0
    assert [row["episode"] for row in episodes(out)] == [str(n + 1) for n in range(total)]
    assert (out / "DONE").exists()


def test_reproduction_refuses_arms_of_another_length(cli, tmp_path):
    arguments = ["reproduce", "gridworld_reinforce", "--out", tmp_path / "out", "--budget"]
    assert cli(*arguments, "0.002", "--seeds", "2")[0] == 0
    result = (tmp_path / "out" / "result.json").read_text()
    for other in (["0.004", "--seeds", "2"], ["0.002", "--seeds", "1"]):
        status, _, err = cli(*arguments, *other)
        assert status == 2
        assert "holds a run with other settings" in err
        assert "choose another --out" in err
    assert (tmp_path / "out" / "result.json").read_text() == result


def found(folder):
    """Return what a reproduction found, less how long it took."""
    result = json.loads((folder / "result.json").read_text())
    assert result.pop("minutes") > 0
    assert float(result["facts"].pop("decisions per second")) > 0
    return result


def test_workers_reproduce_the_same(cli, tmp_path):
    arguments = ["reproduce", "gridworld_reinforce_fast", "--budget", "0.002", "--seeds", "2"]
    for name, workers in (("one", "1"), ("two", "2")):
        assert cli(*arguments, "--workers", workers, "--out", tmp_path / name)[0] == 0
    assert (tmp_path / "two" / "trained.log").is_file()  # of a process of its own
    assert found(tmp_path / "one") == found(tmp_path / "two")


def test_an_arm_alone_and_shared_by_workers_scores_the_same(cli, tmp_path):
    arguments = ["reproduce", "gridworld_reinforce", "--budget", "0.002", "--seeds", "2"]
    told = [
        cli(*arguments, "--arm", "trained", "--workers", n, "--out", tmp_path / n)[1].splitlines()
        for n in ("1", "2")
    ]
    assert told[0][-1] == told[1][-1]
    assert told[0][-1].startswith("trained: ")
    assert (tmp_path / "2" / "trained" / "workers" / "1").is_dir()
    assert not (tmp_path / "1" / "result.json").exists()
    for given, message in (
        (["--arm", "tained"], "Did you mean 'trained'?"),
        (["--arm", "trained", "--workers", "3"], "number of replicas, 2, got 3"),
        (["--workers", "0"], "workers must be >= 1, got 0"),
    ):
        status, _, err = cli(*arguments, *given)
        assert status == 2
        assert message in err


def test_interrupted_reproduction_goes_on_where_it_stopped(cli, tmp_path, monkeypatch):
    arguments = ["reproduce", "gridworld_reinforce_fast", "--budget", "0.004", "--seeds", "2",
                 "--workers", "1", "--out"]  # fmt: skip
    assert cli(*arguments, tmp_path / "whole")[0] == 0
    decide = ClosedLoop.decide

    def press(loop):
        decide(loop)
        if loop.tally.done[0] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(ClosedLoop, "decide", press)
        status, printed, err = cli(*arguments, tmp_path / "part")
    assert status == 130
    assert err.splitlines()[-1] == "interrupted"
    assert "the same command goes on from here" in printed
    assert [folder.name for folder in (tmp_path / "part").glob("*/")] == ["trained"]
    assert cli(*arguments, tmp_path / "part")[0] == 0
    assert found(tmp_path / "whole") == found(tmp_path / "part")


def test_compiled_without_a_compiler_is_status_2(tmp_path):
    environment = {
        **os.environ, "CXX": "/nonexistent", "PATH": "", "THREEFACTOR_CACHE": str(tmp_path),
    }  # fmt: skip
    arguments = [*FEED_FORWARD, "--modulator", "reward", "--engine", "compiled"]
    process = spawn("train", *arguments, "--out", tmp_path / "run", env=environment)
    status, out, err = finish(process)
    assert (status, out) == (2, "")
    assert err.startswith("error: no C++ compiler found")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


FAILING = """
from dataclasses import dataclass
import gymnasium as gym
import numpy as np
from threefactor import BoundEncoder, Encoder

class Bound(BoundEncoder):
    n_inputs, rates_range_hz, windows = 4, (0.0, 100.0), 0

    def encode(self, observations, out=None, learn=False):
        self.windows += learn
        {}[self.windows] if self.windows == 8 else None
        return np.full((len(observations), 4), 50.0)

    def features(self, encoded):
        return encoded

@dataclass(frozen=True)
class Fails(Encoder):
    spaces = (gym.spaces.Discrete,)

    def bind(self, space):
        return Bound()

@dataclass(frozen=True)
class Exits(Fails):
    def bind(self, space):
        raise SystemExit(0)
"""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "Fails",
            "KeyError: 8 (mine.py, line 12, in encode: `{}[self.windows] if self.windows == 8 else "
            "None`), episode 2, step 3",
        ),
        (
            "Exits",
            "SystemExit: 0 (mine.py, line 28, in bind: `raise SystemExit(0)`): the file ended the "
            "program",
        ),
    ],
)
def test_an_error_in_a_users_file_is_one_line_with_its_place(name, told, cli, tmp_path):
    (tmp_path / "mine.py").write_text(FAILING)
    arguments = ["--modulator", "reward", "--encoder", f"mine.py:{name}", "--out", "run"]
    quiet = ["--engine", "runtime-numpy", "--probes", "0"]
    status, out, err = cli("train", *FEED_FORWARD, *arguments, *quiet)
    assert (status, out, err) == (2, "", f"error: {told}\n")
    assert (tmp_path / "run" / "FAILED").is_file() == (name == "Fails")
