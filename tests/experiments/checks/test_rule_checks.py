"""`check_rule`: sound rules pass, every check finds its broken rules; the command line."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

import run
from threefactor.experiments.checks.rules import CHECKS, check_rule
from threefactor.experiments.checks.rules.bench import N_POST, REFERENCE, Circuit
from threefactor.experiments.checks.rules.subject import Subject
from threefactor.experiments.checks.rules.tuning import TARGET_ACTIVITY, weight_scale
from threefactor.models.neurons import NEURONS
from threefactor.rules import RULES
from threefactor.rules.rstdp_et import RewardModulatedSTDPWithEligibility as Eligibility

HERE = Path(__file__).parent
NUMPY = ("runtime-numpy",)
BOTH = ("runtime-numpy", "compiled")


def load(path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


broken = load(HERE / "broken_rules.py")
SLIPS = [
    pytest.param(check, rule, message, id=f"{check}-{number}")
    for check, cases in broken.BROKEN.items()
    for number, (rule, message) in enumerate(cases)
]


def failures(report):
    return {result.check: result.message for result in report.failures}


@pytest.mark.parametrize("name", RULES)
def test_rules_of_the_library_pass_on_the_numpy_runtime(name):
    report = check_rule(RULES[name], NUMPY)
    assert failures(report) == {}
    skipped = {result.check for result in report.results if result.status == "skipped"}
    assert skipped <= {"engines-agree", "linearity"}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RULES if name != "rstdp-et"])
def test_rules_of_the_library_pass_on_both_engines(name):
    assert failures(check_rule(RULES[name], BOTH)) == {}


@pytest.mark.parametrize("rule", [Eligibility, Eligibility(a_plus=0.5)])
def test_a_class_and_an_instance_pass_on_both_engines(rule):
    report = check_rule(rule, BOTH)
    assert [result.check for result in report.results] == list(CHECKS)
    assert {result.status for result in report.results} == {"ok"}
    assert report.is_passed
    assert report.engines == BOTH


def test_there_is_a_broken_rule_for_every_check():
    assert list(broken.BROKEN) == list(CHECKS)
    assert failures(check_rule(broken.Sound, NUMPY)) == {}


@pytest.mark.parametrize(("check", "rule", "message"), SLIPS)
def test_every_slip_is_found_and_named(check, rule, message, monkeypatch):
    circuit = Subject.circuit

    def moody(self, engine, replicas=(0, 1), order=None):
        monkeypatch.setattr(broken.Moody, "mood", len(replicas))
        return circuit(self, engine, replicas, order)

    monkeypatch.setattr(Subject, "circuit", moody)
    report = check_rule(rule, broken.ENGINES.get(check, NUMPY), checks=[check])
    assert [result.status for result in report.results] == ["FAILS"]
    assert re.search(message, report.results[0].message)


def test_a_rule_that_does_not_build_is_still_checked_for_what_is_written():
    rule = broken.spoil(on_post="eligibility += pre_trase")
    statuses = {r.check: r.status for r in check_rule(rule, NUMPY).results}
    assert statuses.pop("builds") == "FAILS"
    assert statuses.pop("documentation") == statuses.pop("round-trip") == "ok"
    assert set(statuses.values()) == {"skipped"}


def test_without_a_compiler_the_compiled_engine_is_left_out(monkeypatch):
    monkeypatch.setattr("threefactor.experiments.checks.rules.subject.find_compiler", lambda: None)
    report = check_rule(broken.Sound, BOTH, checks=["builds", "engines-agree"])
    assert [r.status for r in report.results] == ["ok", "skipped"]
    assert "no C++ compiler found" in report.results[1].message
    assert report.engines == NUMPY
    with pytest.raises(RuntimeError, match="no C\\+\\+ compiler"):
        check_rule(broken.Sound, ("compiled",))


@pytest.mark.parametrize(
    "name", [n for n, kind in NEURONS.items() if kind.threshold and kind.ports]
)
def test_the_drive_makes_every_neuron_fire(name):
    scale = weight_scale(NEURONS[name]())
    circuit = Circuit(None, NEURONS[name](), "runtime-numpy")
    activity = circuit.run(REFERENCE, scale, 0.0).post_spikes.mean(axis=(0, 1))
    circuit.close()
    assert activity.shape == (N_POST,)
    assert 0.1 * TARGET_ACTIVITY < activity.mean() < 0.75  # ising: 0.5 without input


def test_command_prints_one_row_per_check(capsys, tmp_path):
    assert run.main(["check", "rstdp", "--engine", "runtime-numpy"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("RewardModulatedSTDP: 15 ok, 1 skipped (runtime-numpy; ")
    assert [line.split()[0] for line in lines[1:]] == list(CHECKS)


def test_command_fails_for_a_broken_file_and_writes_json(capsys, tmp_path):
    path = tmp_path / "slip.py"
    text = (HERE / "broken_rules.py").read_text()
    path.write_text(text.replace("w += learning_rate*third_factor*eligibility", "w += 0.1"))
    reports = tmp_path / "reports.json"
    command = ["check", f"{path}:Sound", "rstdp", "--engine", "runtime-numpy"]
    assert run.main([*command, "--json", str(reports)]) == 1
    out = capsys.readouterr().out
    assert "2 rules: 1 fail" in out
    assert out.count("FAILS") > 2
    saved = json.loads(reports.read_text())
    assert [entry["is_passed"] for entry in saved.values()] == [False, True]
    assert {r["check"] for r in saved["rstdp"]["results"]} == set(CHECKS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rsdtp"], "Unknown part 'rsdtp'. Did you mean 'rstdp'?"),
        (["nowhere.py:MyRule"], "there is no file 'nowhere.py'"),
        (["rstdp", "--engine", "warp"], "Unknown engine 'warp'"),
        (["rstdp", "--neuron", "lift"], "Unknown neuron 'lift'. Did you mean 'lif'?"),
    ],
)
def test_command_refuses_what_it_cannot_use(arguments, message, capsys):
    assert run.main(["check", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_command_needs_a_rule_or_all(capsys):
    assert run.main(["check"]) == 2
    assert "name a part, a FILE.py:Class or --all" in capsys.readouterr().err
