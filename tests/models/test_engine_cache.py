"""The build cache: what rebuilds and what does not, damage, two builders, no compiler."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from threefactor.models.assembly import assemble
from threefactor.models.engine import build_cache, open_engine
from threefactor.models.engine.build_cache import CompilerError
from threefactor.models.engine.compiled import CompiledEngine
from threefactor.models.neurons import LIF
from threefactor.rules import RULES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder of this test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("THREEFACTOR_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def warm_template(tmp_path_factory, make_spec):
    """One cold build, copied by the tests that damage it."""
    folder = tmp_path_factory.mktemp("warm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THREEFACTOR_CACHE", str(folder))
        open_engine(assemble(small(make_spec)), "compiled").close()
    return folder


@pytest.fixture
def warm(warm_template, cache):
    """A cache that holds `small`."""
    subprocess.run(["cp", "-r", str(warm_template), str(cache)], check=True)
    return cache


@pytest.fixture
def fresh_tools():
    """Forget which compiler was found, before and after."""
    for function in (build_cache.find_compiler, build_cache._tools):
        function.cache_clear()
    yield
    for function in (build_cache.find_compiler, build_cache._tools):
        function.cache_clear()


def small(make_spec, **options):
    return make_spec(None, LIF(), low=9.0, high=11.0, **options)


def was_built(spec):
    engine = CompiledEngine(assemble(spec))
    engine.close()
    return engine.was_built


def spikes(spec, open_network, engine="compiled"):
    network = open_network(spec, engine)
    network.engine.record(["actor"])
    network.advance(300.0, 60)
    data = network.engine.drain()
    return np.array([data["actor.step"], data["actor.neuron"]])


def test_only_structure_rebuilds(warm, make_spec):
    base = small(make_spec)
    assert not was_built(base)
    policy = base.projections[0]
    rewired = replace(policy, pre=policy.pre[::-1].copy(), post=np.zeros_like(policy.post))
    for same in (
        small(make_spec, w_min=-1.0, w_max=3.0),
        make_spec(None, LIF(v_threshold_mv=-60.0, tau_membrane_ms=5.0), low=0.0, high=0.1),
        replace(base, projections=(rewired,)),
    ):
        assert not was_built(same)


def test_rewired_network_uses_its_own_connections(warm, make_spec, open_network):
    """Connections are data of one build: all synapses onto neuron 2 make only neuron 2 spike."""
    base = small(make_spec)
    policy = base.projections[0]
    onto_two = replace(policy, post=np.full_like(policy.post, 2))
    neurons = spikes(replace(base, projections=(onto_two,)), open_network)[1]
    assert neurons.size > 0
    assert set(neurons) == {2}


@pytest.mark.slow
def test_structure_rebuilds(warm, make_spec):
    base = small(make_spec)
    one_less = replace(
        base.projections[0], pre=base.projections[0].pre[1:], post=base.projections[0].post[1:]
    )
    for other in (
        small(make_spec, n_inputs=7),
        replace(base, projections=(one_less,)),
        replace(base, timestep_ms=0.5),
        make_spec(RULES["rstdp"](), LIF()),
    ):
        assert was_built(other)
        assert not was_built(other)


@pytest.mark.slow
def test_hyper_parameters_of_rules_never_rebuild(cache, make_spec):
    assert was_built(make_spec(RULES["rstdp-et"](), LIF()))
    for settings in ({"tau_eligibility_ms": 300.0}, {"learning_rate": 3.0, "a_minus": -1.0}):
        assert not was_built(make_spec(RULES["rstdp-et"](**settings), LIF(bias_mv=3.0)))


def entry(cache):
    (found,) = (cache / "entries").iterdir()
    return found


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = {
    "truncated library": lambda c: truncate(entry(c) / "library.so"),
    "empty library": lambda c: (entry(c) / "library.so").write_bytes(b""),
    "truncated manifest": lambda c: truncate(entry(c) / "manifest.json"),
    "missing seal": lambda c: (entry(c) / "seal.json").unlink(),
    "seal of something else": lambda c: (entry(c) / "seal.json").write_text("[1]"),
    "missing library": lambda c: (entry(c) / "library.so").unlink(),
    "garbage index": lambda c: [f.write_bytes(b"\xff\x00../..") for f in (c / "index").iterdir()],
    "empty index": lambda c: [f.write_text("") for f in (c / "index").iterdir()],
}


@pytest.fixture
def quick_compiler(monkeypatch, warm_template):
    """Replace the compiler by a copy of what it made of the same source."""
    calls = []

    def copy(source, library):
        calls.append(source.read_text())
        original = entry(warm_template)
        assert source.read_text() == (original / "network.cpp").read_text()
        library.write_bytes((original / "library.so").read_bytes())

    monkeypatch.setattr(build_cache, "_compile", copy)
    return calls


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_repaired_silently(damage, warm, quick_compiler, make_spec, open_network, capsys):
    expected = spikes(small(make_spec), open_network)
    assert expected.size > 0
    DAMAGES[damage](warm)
    is_index = "index" in damage
    assert was_built(small(make_spec)) == (not is_index)
    assert len(quick_compiler) == (not is_index)
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(spikes(small(make_spec), open_network), expected)
    assert len(quick_compiler) == (not is_index)


def test_one_entry_serves_two_fingerprints(warm, quick_compiler, make_spec, monkeypatch):
    """Blueprints that generate the same source share an entry; nothing is compiled again."""
    monkeypatch.setattr(build_cache, "_engine_sources", lambda: "edited")
    assert not was_built(small(make_spec))
    assert len(list((warm / "index").iterdir())) == 2
    assert quick_compiler == []


def test_nothing_half_built_is_left(warm, quick_compiler, make_spec, monkeypatch):
    (entry(warm) / "seal.json").unlink()

    def fail(source, library):
        library.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(build_cache, "_compile", fail)
    with pytest.raises(KeyboardInterrupt):
        was_built(small(make_spec))
    assert not list(warm.glob("building-*"))
    monkeypatch.undo()


SCRIPT = """
import json, sys
import numpy as np
from threefactor.models.neurons import LIF
from threefactor.models.neurons.contract import PoissonInput
from threefactor.models.specification import NetworkSpec, Population, Projection, Uniform
from threefactor.models.specification import all_to_all
from threefactor.models.network import Network
spec = NetworkSpec(
    (Population("input", 5, PoissonInput()), Population("actor", 3, LIF())),
    (Projection("policy", "input", "actor", **all_to_all(5, 3), weights=Uniform(9.0, 11.0)),),
)
network = Network(spec, [1], [2], sys.argv[1])
counts = network.advance(300.0, 60)
engine = network.engine
print(json.dumps({
    "engine": engine.name, "counts": counts.tolist(), "brian": "brian2" in sys.modules,
    "was_built": getattr(engine, "was_built", None),
}))
"""


def run_script(engine="compiled", **environment):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, engine], cwd=ROOT, capture_output=True,
        text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("shared") / "cache"


def test_two_processes_build_once(shared_cache):
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(run_script, THREEFACTOR_CACHE=str(shared_cache)) for _ in range(2)]
        results = [json.loads(job.result().stdout) for job in jobs]
    assert sorted(r["was_built"] for r in results) == [False, True]
    assert results[0]["counts"] == results[1]["counts"]
    warm = json.loads(run_script(THREEFACTOR_CACHE=str(shared_cache)).stdout)
    assert warm == {**results[0], "was_built": False, "brian": False}


def one_line(text):
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_without_a_compiler_auto_falls_back_and_says_so(cache):
    nothing = {"CXX": "/nonexistent", "PATH": "", "THREEFACTOR_CACHE": str(cache)}
    done = run_script("auto", **nothing)
    assert json.loads(done.stdout)["engine"] == "runtime-numpy"
    assert "no C++ compiler found" in one_line(done.stderr)
    assert "runtime engine" in done.stderr


def test_without_a_compiler_compiled_is_an_error(cache, make_spec, monkeypatch, fresh_tools):
    monkeypatch.setenv("CXX", "/nonexistent")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CompilerError, match="no C\\+\\+ compiler found .*apt-get install g"):
        open_engine(assemble(small(make_spec)), "compiled")


def test_failing_compiler_is_reported_with_its_first_error(
    cache, make_spec, monkeypatch, fresh_tools, tmp_path
):
    compiler = tmp_path / "bad-compiler"
    compiler.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then echo 1.0; exit 0; fi\n'
        "echo 'network.cpp:1: note: something' >&2\n"
        "echo 'network.cpp:7:1: error: no room left' >&2\n"
        "echo 'network.cpp:8:1: error: second' >&2\nexit 1\n"
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    for engine in ("compiled", "auto"):  # the slow engine never takes over in silence
        with pytest.raises(CompilerError) as caught:
            open_engine(assemble(small(make_spec)), engine, pytest.fail)
        assert str(caught.value) == f"{compiler} refused the network: no room left"
    assert not list(cache.glob("building-*"))


def test_cache_folder_that_cannot_be_created_is_named(make_spec, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "cache"
    monkeypatch.setenv("THREEFACTOR_CACHE", str(folder))
    with pytest.raises(OSError, match=f"cache folder {folder}: .*set THREEFACTOR_CACHE"):
        open_engine(assemble(small(make_spec)), "compiled")


@pytest.mark.parametrize("blocked", ["locks", "entries", "index"])
def test_cache_folder_that_cannot_be_written_is_named(blocked, cache, quick_compiler, make_spec):
    """A file in place of a folder stands for a folder without the right to write."""
    cache.mkdir()
    (cache / blocked).write_text("")
    with pytest.raises(OSError, match=f"cache folder {cache}: .*set THREEFACTOR_CACHE"):
        open_engine(assemble(small(make_spec)), "compiled")


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("THREEFACTOR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build_cache.cache_folder() == tmp_path / "threefactor"
    monkeypatch.setenv("THREEFACTOR_CACHE", str(tmp_path / "mine"))
    assert build_cache.cache_folder() == tmp_path / "mine"


@pytest.mark.parametrize("name", ["MPLBACKEND", "HOME"])
def test_unrelated_environment_does_not_matter(name, warm, make_spec, monkeypatch):
    monkeypatch.setenv(name, "/tmp")
    assert not was_built(small(make_spec))
