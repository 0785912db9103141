"""What Brian2 or the compiler refuses is one line, and nothing of it is left behind."""

import gc
from dataclasses import dataclass, replace

import brian2
import pytest

from threefactor.models.assembly import assemble
from threefactor.models.engine import build_cache, open_engine, runtime
from threefactor.models.engine.build_cache import CompilerError
from threefactor.models.engine.generation import generate
from threefactor.models.neurons import LIF
from threefactor.rules import RULES
from threefactor.rules.contract import Rule


@pytest.fixture
def broken(make_spec):
    """Return a blueprint that Brian2 cannot read."""
    plan = assemble(make_spec(RULES["rstdp-et"](), LIF()))
    plan.synapses[-1].on_post = "eligibility += nobody"
    return plan


@pytest.fixture
def sound(make_spec):
    return assemble(make_spec(RULES["rstdp-et"](), LIF()))


def test_generation_says_what_brian2_refuses(broken, sound):
    expected = generate(sound)
    with pytest.raises(ValueError, match="^Brian2 refuses this network: .*nobody") as caught:
        generate(broken)
    assert "\n" not in str(caught.value)
    assert "objects" not in str(caught.value)
    assert brian2.get_device().__class__.__name__ == "RuntimeDevice"
    assert generate(sound) == expected  # the caught error keeps no name of the failed one


def test_the_runtime_frees_its_names(broken, sound):
    before = set(runtime._live_suffixes)
    with pytest.raises(ValueError, match="^Brian2 refuses this network: .*nobody"):
        open_engine(broken, "runtime-numpy")
    gc.collect()
    assert runtime._live_suffixes == before
    assert brian2.prefs.codegen.target == "auto"
    engine = open_engine(sound, "runtime-numpy")
    engine.advance(2)
    engine.close()


def test_a_refused_network_never_runs_on_the_slow_engine(sound, tmp_path, monkeypatch):
    monkeypatch.setenv("THREEFACTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(build_cache, "FLAGS", (*build_cache.FLAGS, "-Dexp=double"))
    said = []
    with pytest.raises(CompilerError, match=r"refused .*the network: \S") as caught:
        open_engine(sound, "auto", said.append)
    assert said == []
    assert "\n" not in str(caught.value)


def test_the_refused_block_is_named():
    source = "int a;\nnamespace unit_policy_pre {\nint b\n}\nnamespace unit_other {\n}\n"
    line = build_cache._refusal("g++", source, "network.cpp:3:5: error: expected ';'\nmore")
    assert line == "g++ refused policy_pre of the network: expected ';'"
    assert build_cache._refusal("g++", source, "") == "g++ refused the network: ?"


@dataclass(frozen=True)
class Named(Rule):
    """Variables with names that SymPy gives a meaning of its own."""

    tau_ms: float = 10.0
    equations = "dbeta/dt = -beta/tau : 1\ndgamma/dt = (beta - gamma)/tau : 1"
    on_pre = "beta += 1"
    consolidate = "w += learning_rate*third_factor*gamma"


def test_names_of_sympy_are_integrated_like_others(make_spec, open_network):
    other = type("Other", (Named,), {
        "equations": "dxx/dt = -xx/tau : 1\ndyy/dt = (xx - yy)/tau : 1", "on_pre": "xx += 1",
        "consolidate": "w += learning_rate*third_factor*yy",
    })  # fmt: skip
    found = []
    for kind, names in ((Named, ("beta", "gamma")), (dataclass(frozen=True)(other), ("xx", "yy"))):
        network = open_network(make_spec(kind(), LIF()), engine="runtime-numpy")
        network.advance(500.0, 20)
        found.append([network.engine.array(f"policy.{name}").copy() for name in names])
    assert found[0][1].any()
    for one, same in zip(*found, strict=True):
        assert one.tolist() == pytest.approx(same.tolist(), rel=1e-12)
    assert replace(Named()) == Named()
