"""Checks of every kind of part but rules and agents: the library passes, broken parts do not."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

import run
from threefactor.experiments.checks.parts import _promises, check_part
from threefactor.experiments.checks.report import check_name
from threefactor.experiments.parts.kinds import KINDS

PATH = Path(__file__).parent / "broken_parts.py"
specification = importlib.util.spec_from_file_location(PATH.stem, PATH)
assert specification is not None
assert specification.loader is not None
broken = importlib.util.module_from_spec(specification)
specification.loader.exec_module(broken)

OTHER_KINDS = [kind for kind in KINDS if kind not in ("agent", "rule")]
LIBRARY = [(kind, name) for kind in OTHER_KINDS for name in KINDS[kind].table]
FAULTS = [
    pytest.param(kind, check, part, message, id=f"{kind}-{check}-{part.__name__}")
    for kind, checks in broken.BROKEN.items()
    for check, cases in checks.items()
    for part, message in cases
]

#: Checks of library neurons that say why they are skipped.
SKIPPED = {
    "poisson": {"psp-area", "rate"}, "timed": {"psp-area", "rate"}, "readout": {"rate"},
    "td-error": {"rate"}, "analog": {"psp-area", "rate"}, "readout-discrete": {"rate"},
    "relu": {"psp-area", "rate"},
}  # fmt: skip


def failures(report):
    return {result.check: result.message for result in report.failures}


@pytest.mark.parametrize(("kind", "name"), LIBRARY)
def test_parts_of_the_library_pass(kind, name):
    report = check_part(name, kind)
    assert failures(report) == {}
    skipped = {result.check for result in report.results if result.status == "skipped"}
    assert skipped <= SKIPPED.get(name, {"constant-reward"}) or name == "fixed"
    assert report.kind == kind


@pytest.mark.parametrize("kind", broken.SOUND)
def test_a_sound_part_passes(kind):
    report = check_part(broken.SOUND[kind])
    assert failures(report) == {}
    assert report.kind == kind
    names = [check_name(promise) for promise in _promises(kind)]
    assert [result.check for result in report.results] == ["contract"] * (kind != "env") + names


@pytest.mark.parametrize(("kind", "check", "part", "message"), FAULTS)
def test_a_broken_part_is_found_and_named(kind, check, part, message):
    found = failures(check_part(part, kind))
    assert re.search(message, found[check])
    assert "\n" not in found[check]


#: Checks whose fault no part can have, or that another check finds first.
WITHOUT_FAULT = {
    ("decoder", "documentation"), ("decoder", "round-trip"), ("neuron", "constants"),
    ("neuron", "round-trip"), ("model", "replicas"), ("update", "replicas"), ("schedule", "state"),
}  # fmt: skip


def test_there_is_a_broken_part_for_every_check():
    for kind in OTHER_KINDS:
        names = {check_name(promise) for promise in _promises(kind)} - set(broken.BROKEN[kind])
        if kind not in ("encoder", "neuron", "decoder"):  # the encoder's stand for all
            names -= {"documentation", "round-trip"}
        assert {(kind, name) for name in names} <= WITHOUT_FAULT


def test_instances_are_checked_with_their_settings():
    report = check_part(KINDS["schedule"].table["fixed"](("actor.v_slope",), (3.0,)))
    assert {result.status for result in report.results} == {"ok"}


def test_constants_are_judged_at_the_settings_of_the_instance():
    @broken.frozen
    class Logarithmic(broken.LIF):
        gain: float = 2.0
        integrate = broken.LIF.integrate + "v += log(gain)*mV"

    assert "constants" not in failures(check_part(Logarithmic, "neuron"))
    found = failures(check_part(Logarithmic(gain=-1.0), "neuron"))
    assert re.search("Logarithmic.integrate.* not a finite number", found["constants"])


def test_an_error_of_the_part_is_a_failure_with_its_place():
    @broken.frozen
    class Stumbles(broken.SoundModulator):
        """A modulator that fails."""

        def deliver(self, bound, outcome):
            return {}["missing"]

    found = failures(check_part(Stumbles))
    assert re.search(r"got KeyError: 'missing' \(test_part_checks.py, line \d+\)", found["finite"])


def test_an_incomplete_class_fails_and_the_rest_is_skipped():
    report = check_part(type("Bare", (broken.SoundEncoder,), {}))
    assert [result.status for result in report.results] == ["FAILS", *["skipped"] * 7]


def test_the_command_checks_any_kind(capsys, tmp_path):
    reports = tmp_path / "reports.json"
    assert run.main(["check", "one-hot", "td", "CartPole-v1", "--json", str(reports)]) == 0
    assert "3 parts: all pass" in capsys.readouterr().out
    saved = json.loads(reports.read_text())
    kinds = {name: report["kind"] for name, report in saved.items()}
    assert kinds == {"one-hot": "encoder", "td": "modulator", "CartPole-v1": "env"}


def test_the_command_checks_all_of_a_kind(capsys):
    assert run.main(["check", "--all", "--kind", "decoder"]) == 0
    assert f"{len(KINDS['decoder'].table)} decoders: all pass" in capsys.readouterr().out


def test_the_command_fails_for_a_broken_file(capsys):
    assert run.main(["check", f"{PATH}:DeliversNaN"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("DeliversNaN: ")
    assert "expected finite third factors" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["onehot"], "Unknown part 'onehot'. Did you mean 'one-hot'?"),
        (["one-hot", "--kind", "cell"], "Unknown kind 'cell'."),
        (["--all", "--kind", "cell"], "Unknown kind 'cell'."),
        ([f"{PATH}:Encoding"], "broken_parts.py:Encoding: Encoding is no part; derive it from one"),
        (["lif", "--kind", "encoder"], "Unknown encoder 'lif'."),
    ],
)
def test_the_command_refuses_what_it_cannot_use(arguments, message, capsys):
    assert run.main(["check", *arguments]) == 2
    assert message in capsys.readouterr().err
