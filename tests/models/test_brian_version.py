"""Another Brian2 than those tested is never compiled: one line, and the runtime where allowed."""

import importlib.metadata
import re
from pathlib import Path

import pytest

from threefactor.experiments.checks.rules import check_rule
from threefactor.experiments.command_line.main import main
from threefactor.models.assembly import assemble
from threefactor.models.engine import build_cache, open_engine
from threefactor.models.engine.brian_version import TESTED, untested_brian
from threefactor.models.engine.build_cache import CompilerError
from threefactor.rules import RULES

ROOT = Path(__file__).parents[2]
LINE = "Brian2 2.99.0 is none that the compiled engine was tested with: 2.9, 2.10, 2.11"


@pytest.fixture
def install(monkeypatch):
    """Return what makes another version of Brian2 appear to be installed."""
    true_version = importlib.metadata.version

    def pretend(version):
        monkeypatch.setattr(
            importlib.metadata, "version", lambda name: version if name == "brian2" else
            true_version(name),
        )  # fmt: skip

    build_cache._tools.cache_clear()
    yield pretend
    build_cache._tools.cache_clear()


@pytest.mark.parametrize("version", ["2.9", "2.9.0", "2.10.1", "2.11.0"])
def test_tested_releases_are_compiled(install, version):
    install(version)
    assert untested_brian() is None


@pytest.mark.parametrize(
    "version", ["2.8.0.4", "2.12.0", "2.99.0", "3.0", "2.1", "2.11.0rc1", "2.10.2.dev5+gabc"]
)
def test_all_others_are_not(install, version):
    install(version)
    assert f"Brian2 {version} is none" in untested_brian()


def test_this_one_is_tested_and_requirements_admit_no_other():
    assert untested_brian() is None
    (bounds,) = re.findall(r"^brian2>=([\d.]+),<([\d.]+)$", (ROOT / "requirements.txt").read_text(),
                           re.MULTILINE)  # fmt: skip
    major, minor = TESTED[-1].split(".")
    assert bounds == (TESTED[0], f"{major}.{int(minor) + 1}")


def test_auto_falls_back_and_says_so(install, make_spec):
    install("2.99.0")
    said = []
    engine = open_engine(assemble(make_spec(RULES["rstdp-et"]())), "auto", said.append)
    assert engine.name == "runtime-numpy"
    assert said == [f"{LINE}: using the runtime engine (same spikes, 50 to 100 times slower)."]
    engine.close()


def test_compiled_is_an_error_even_with_a_build_in_the_cache(install, make_spec):
    plan = assemble(make_spec(RULES["rstdp-et"]()))
    open_engine(plan, "compiled").close()
    install("2.99.0")
    build_cache._tools.cache_clear()
    with pytest.raises(CompilerError, match=f"^{LINE}$"):
        open_engine(plan, "compiled")


def test_the_command_line_refuses_in_one_line(install, tmp_path, capsys):
    install("2.99.0")
    out = tmp_path / "run"
    words = ["train", "--engine", "compiled", "--episodes", "1", "--quiet", "--out", str(out)]
    assert main(words) == 2
    assert capsys.readouterr().err.strip().splitlines() == [f"error: {LINE}"]


def test_checks_leave_the_compiled_engine_out(install):
    install("2.99.0")
    report = check_rule(RULES["rstdp-et"], ("compiled", "runtime-numpy"), checks=["builds"])
    assert report.engines == ("runtime-numpy",)
    with pytest.raises(CompilerError, match=f"check needs one of compiled: {LINE}"):
        check_rule(RULES["rstdp-et"], ("compiled",))
