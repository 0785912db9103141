"""Counter-based noise: published vectors, moments, streams, and the same numbers in C++."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from threefactor.models.engine import noise
from threefactor.models.engine.noise import gaussian, geometric, philox2x32, stream_ids, uniform

HEADER = Path(noise.__file__).with_name("noise.h")
# Random123 1.09, tests/kat_vectors, philox2x32 10: counter low and high, key, words low and high.
KNOWN = [
    (0x00000000, 0x00000000, 0x00000000, 0xFF1DAE59, 0x6CD10DF2),
    (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0x2C3F628B, 0xAB4FD7AD),
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0xDD7CE038, 0xF62A4C12),
]
# Streams of both signs, timesteps beyond 32 bits.
STREAMS = np.array([0, 1, -1, 2**63 - 1, -(2**63), 0x1234_5678_9ABC_DEF0, -987654321], np.int64)
TIMESTEPS = np.array([0, 1, 2, 1000, 2**31, 2**32 - 1, 2**32, 2**32 + 7], np.int64)


def stream_of(counter_high, key):
    """Return the int64 stream whose halves are key (low) and counter (high)."""
    return np.array((counter_high << 32) | key, np.uint64).view(np.int64)


@pytest.fixture(scope="module")
def cpp(tmp_path_factory):
    """Compile noise.h with plain g++ and return the library."""
    folder = tmp_path_factory.mktemp("noise")
    source = folder / "noise.cpp"
    source.write_text(
        f'#include "{HEADER}"\nextern "C" {{\n'
        "double f_uniform(int64_t s, int64_t t) { return _counter_uniform(s, t); }\n"
        "double f_gaussian(int64_t s, int64_t t) { return _counter_gaussian(s, t); }\n"
        "double f_geometric(int64_t s, double t, double p) {\n"
        "  return _counter_geometric(s, t, p); }\n"
        "uint64_t words(int64_t s, int64_t t) { return _counter_word(s, t); }\n"
        "double f_log(double x) { return noise::log(x); }\n"
        "double f_log1p(double x) { return noise::log1p(x); }\n}\n"
    )
    library = folder / "noise.so"
    command = ["g++", "-O2", "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library))
    for name, result in (
        ("f_uniform", ctypes.c_double),
        ("f_gaussian", ctypes.c_double),
        ("words", ctypes.c_uint64),
    ):
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, [ctypes.c_int64, ctypes.c_int64]
    return loaded


@pytest.fixture(scope="module", params=["-march=native", "-mno-avx512f", "-mno-avx2"])
def drawn_together(request, tmp_path_factory):
    """Compile noise.h for the processor, without its widest registers, and without any."""
    folder = tmp_path_factory.mktemp("together")
    source, library = folder / "together.cpp", folder / "together.so"
    source.write_text(
        f'#include "{HEADER}"\nextern "C" {{\n'
        "void fill(const int64_t *streams, int64_t n, int64_t t, uint64_t *out) {\n"
        "  std::vector<uint64_t> words;\n"
        "  std::memcpy(out, noise::draw_all(words, streams, n, t), 8 * n); }\n"
        "void fill_gaps(const int64_t *streams, int64_t n, const double *starts, const double *p,\n"
        "               double *out) {\n"
        "  std::vector<uint64_t> words, counters(n + noise::n_lanes);\n"
        "  for (int64_t k = 0; k < n; k++) counters[k] = noise::counter_of(starts[k]);\n"
        "  const uint64_t *drawn = noise::draw_all(words, streams, n, counters.data());\n"
        "  for (int64_t k = 0; k < n; k++) out[k] = _word_to_geometric(drawn[k], p[k]); }\n}\n"
    )
    flags = ["-O2", "-shared", "-fPIC", "-march=native", request.param]
    subprocess.run(["g++", *flags, str(source), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("size", [1, 3, 8, 29])
def test_words_drawn_together_are_those_drawn_one_by_one(drawn_together, size):
    streams = np.resize(STREAMS, size)
    for timestep in TIMESTEPS.tolist():
        words = np.zeros(size, np.uint64)
        drawn_together.fill(
            ctypes.c_void_p(streams.ctypes.data), ctypes.c_int64(size), ctypes.c_int64(timestep),
            ctypes.c_void_p(words.ctypes.data),
        )  # fmt: skip
        low, high = noise._words(streams, timestep)
        np.testing.assert_array_equal(words, (high << np.uint64(32)) | low)


@pytest.mark.parametrize("size", [1, 8, 29, 400])
def test_gaps_drawn_together_are_those_of_numpy(drawn_together, size):
    """Starts beyond 32 bits, and probabilities of every kind."""
    streams, out = np.resize(STREAMS, size), np.zeros(size)
    starts = np.resize(TIMESTEPS[::-1].astype(float), size)
    p = np.resize([1e-7, 0.003, 0.015, 0.3, 0.999, 1.0, 1.5, 0.0, -1.0, np.nan], size)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (starts, p, out)]
    drawn_together.fill_gaps(
        ctypes.c_void_p(streams.ctypes.data), ctypes.c_int64(size), *pointers
    )  # fmt: skip
    np.testing.assert_array_equal(out, geometric(streams, starts, p))


@pytest.mark.parametrize(("low", "high", "key", "word_low", "word_high"), KNOWN)
def test_numpy_gives_the_published_words(low, high, key, word_low, word_high):
    assert [int(word) for word in philox2x32(low, high, key)] == [word_low, word_high]


@pytest.mark.parametrize(("low", "high", "key", "word_low", "word_high"), KNOWN)
def test_cpp_gives_the_published_words(cpp, low, high, key, word_low, word_high):
    assert cpp.words(int(stream_of(high, key)), low) == (word_high << 32) | word_low


@pytest.mark.parametrize(("low", "high", "key", "word_low", "word_high"), KNOWN)
def test_stream_and_timestep_are_key_and_counter(low, high, key, word_low, word_high):
    expected = (((word_high << 32) | word_low) >> 11) * 2.0**-53
    assert uniform(stream_of(high, key), low) == expected


@pytest.mark.parametrize(
    ("name", "function", "ulps"), [("f_uniform", uniform, 0), ("f_gaussian", gaussian, 8)]
)
def test_cpp_and_numpy_agree(cpp, name, function, ulps):
    compiled = [[getattr(cpp, name)(int(s), int(t)) for t in TIMESTEPS] for s in STREAMS]
    expected = function(STREAMS[:, None], TIMESTEPS[None, :])
    np.testing.assert_allclose(compiled, expected, rtol=ulps * 2.3e-16, atol=ulps * 2.3e-16)


def test_logarithms_are_those_of_the_c_library(cpp):
    """To two units in the last place, from the least uniform number to the greatest."""
    for name in ("f_log", "f_log1p"):
        getattr(cpp, name).restype, getattr(cpp, name).argtypes = ctypes.c_double, [ctypes.c_double]
    powers = 2.0 ** -np.arange(1.0, 54.0)
    numbers = np.concatenate([powers, np.linspace(1e-6, 1 - 1e-6, 2001), 1 - powers])
    for x in numbers.tolist():
        np.testing.assert_array_max_ulp(cpp.f_log(x), np.log(x), 2)
        np.testing.assert_array_max_ulp(cpp.f_log1p(-x), np.log1p(-x), 2)


def test_cpp_and_numpy_draw_the_same_gaps(cpp):
    cpp.f_geometric.restype = ctypes.c_double
    cpp.f_geometric.argtypes = [ctypes.c_int64, ctypes.c_double, ctypes.c_double]
    starts = np.arange(0.0, 40.0)
    for p in (1e-7, 0.003, 0.3, 0.999, 1.0, 1.5, 0.0, -1.0, np.nan):
        compiled = [[cpp.f_geometric(int(s), float(t), p) for t in starts] for s in STREAMS]
        np.testing.assert_array_equal(compiled, geometric(STREAMS[:, None], starts[None], p))


@pytest.mark.slow
def test_cython_and_numpy_agree():
    import brian2

    compiled = {}
    previous = brian2.prefs.codegen.target
    for target in ("numpy", "cython"):
        brian2.prefs.codegen.target = target
        try:
            group = brian2.NeuronGroup(
                len(STREAMS), "a_stream : integer\nu : 1\ng : 1\nk : 1",
                dtype={"a_stream": np.int64}, namespace=noise.brian_functions(), name="noise_group",
            )  # fmt: skip
            group.variables["a_stream"].get_value()[...] = STREAMS
            runner = group.run_regularly(
                "u = uniform(a_stream, t_in_timesteps)\ng = gaussian(a_stream, t_in_timesteps)\n"
                "k = geometric(a_stream, t_in_timesteps, 0.01)"
            )
            network = brian2.Network(group)
            group.contained_objects.remove(runner)
            runner.before_run({})
            network.run(0 * brian2.ms, namespace={})
            rows = []
            for timestep in TIMESTEPS:
                group.clock.variables["timestep"].get_value()[0] = timestep
                runner.codeobj()
                rows.append([group.u_[:].copy(), group.g_[:].copy(), group.k_[:].copy()])
            compiled[target] = np.array(rows)
        finally:
            brian2.prefs.codegen.target = previous
    np.testing.assert_array_equal(compiled["cython"][:, 0], compiled["numpy"][:, 0])
    np.testing.assert_array_equal(compiled["cython"][:, 2], compiled["numpy"][:, 2])
    np.testing.assert_allclose(compiled["cython"][:, 1], compiled["numpy"][:, 1], rtol=1e-14)
    expected = uniform(STREAMS[None, :], TIMESTEPS[:, None])
    np.testing.assert_array_equal(compiled["numpy"][:, 0], expected)


def test_uniform_moments():
    values = uniform(stream_ids(1, "input", "spike", 400)[:, None], np.arange(500)[None, :])
    assert values.min() >= 0
    assert values.max() < 1
    # 4 standard errors of 200 000 values.
    assert abs(values.mean() - 1 / 2) < 4 * np.sqrt(1 / 12 / values.size)
    assert abs(values.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / values.size)
    counts = np.histogram(values, 20, (0, 1))[0]
    expected = values.size / 20
    assert np.sum((counts - expected) ** 2 / expected) < 45  # chi2 with 19 degrees: p = 7e-4


def test_gaussian_moments():
    values = gaussian(stream_ids(2, "actor", "noise", 400)[:, None], np.arange(500)[None, :])
    assert np.abs(values).max() < 6.7
    standardised = values.ravel()
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        error = np.mean(standardised**power) - moment
        assert abs(error) < 4 * np.sqrt(variance / standardised.size), power


def test_successive_and_neighbouring_values_are_uncorrelated():
    values = uniform(stream_ids(3, "input", "spike", 300)[:, None], np.arange(600)[None, :]) - 0.5
    limit = 4 / np.sqrt(values.size)
    assert abs(np.mean(values[:, 1:] * values[:, :-1]) * 12) < limit
    assert abs(np.mean(values[1:] * values[:-1]) * 12) < limit


def test_streams_differ_by_seed_population_purpose_and_neuron():
    base = stream_ids(0, "actor", "spike", 100)
    others = [
        stream_ids(1, "actor", "spike", 100),
        stream_ids(0, "critic", "spike", 100),
        stream_ids(0, "actor", "noise", 100),
    ]
    everything = np.concatenate([base, *others])
    assert len(np.unique(everything)) == everything.size
    assert base.dtype == np.int64
    assert base.min() < 0 < base.max()


def test_larger_population_keeps_the_streams_of_its_first_neurons():
    small, large = stream_ids(4, "input", "spike", 5), stream_ids(4, "input", "spike", 50)
    np.testing.assert_array_equal(small, large[:5])
