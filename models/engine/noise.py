"""Counter-based noise: Philox2x32-10 as a Brian2 function, equal on NumPy, Cython and C++.

A number depends on its stream (64 bits: seed, population, purpose and neuron, see `stream_ids`) and
on the timestep, and on nothing else; no generator state exists, so resuming needs none.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (SC11), Philox2x32 with 10
rounds. Key = low half of the stream, counter = (timestep modulo 2**32, high half of the stream).
"""

import hashlib
from functools import cache
from typing import Any

import numpy as np

MULTIPLIER = 0xD256D193
WEYL = 0x9E3779B9
ROUNDS = 10
#: A gap without end: after any timestep, and finite.
NEVER = 2.0**62
_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox2x32(counter_low: Any, counter_high: Any, key: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the two 32-bit words of Philox2x32-10 as uint64 arrays, of 32-bit arguments."""
    low = np.asarray(counter_low, dtype=np.uint64)
    high = np.asarray(counter_high, dtype=np.uint64)
    key = np.asarray(key, dtype=np.uint64)
    for _ in range(ROUNDS):
        product = low * np.uint64(MULTIPLIER)
        low, high = (product >> _HALF) ^ key ^ high, product & _MASK
        key = (key + np.uint64(WEYL)) & _MASK
    return low, high


def _words(stream: Any, timestep: Any) -> tuple[np.ndarray, np.ndarray]:
    stream = np.asarray(stream, dtype=np.int64).view(np.uint64)
    timestep = np.asarray(timestep, dtype=np.int64).view(np.uint64)
    return philox2x32(timestep & _MASK, stream >> _HALF, stream & _MASK)


def uniform(stream: Any, timestep: Any) -> np.ndarray:
    """Return numbers uniform in [0, 1), multiples of 2**-53, one for each stream."""
    low, high = _words(stream, timestep)
    bits = ((high << _HALF) | low) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def gaussian(stream: Any, timestep: Any) -> np.ndarray:
    """Return standard normal numbers (Box-Muller), at most 6.7 in size, one for each stream."""
    low, high = _words(stream, timestep)
    radius = np.sqrt(-2.0 * np.log((low.astype(np.float64) + 0.5) * 2.0**-32))
    return radius * np.cos(high.astype(np.float64) * (2.0 * np.pi * 2.0**-32))


def geometric(stream: Any, start: Any, p: Any) -> np.ndarray:
    """Return how many trials of probability p fail before the first that succeeds, >= 0.

    ``floor(log(u)/log(1 - p))`` of the uniform number u at the timestep `start`, so that the gap to
    the next spike is drawn, and not whether there is one in each timestep. The same spikes as
    Bernoulli trials in distribution, and memoryless: a gap may be drawn anew at any time.

    Parameters
    ----------
    stream : (n,)
    start : (n,) or number
        Timestep of the first trial.
    p : (n,) or number
        1 and above: 0; 0, below and NaN: `NEVER`.
    """
    p = np.asarray(p, np.float64)
    u = uniform(stream, start) + 2.0**-54
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.floor(np.log(u) / np.log1p(-np.minimum(p, 1.0)))
    return np.where(p >= 1.0, 0.0, np.where(p > 0.0, gap, NEVER))


def stream_ids(seed: int, population: str, purpose: str, size: int) -> np.ndarray:
    """Return one int64 stream for each neuron, keyed by (seed, population, purpose, index)."""
    text = f"{seed}/{population}/{purpose}".encode()
    key = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
    return np.random.Philox(key=key).random_raw(size).view(np.int64)


_CYTHON = """
from libc.stdint cimport int64_t, uint32_t, uint64_t
cdef inline {kind} {name}(int64_t stream, int64_t timestep) noexcept:
    cdef uint32_t key = <uint32_t>(<uint64_t>stream)
    cdef uint32_t high = <uint32_t>(<uint64_t>stream >> 32)
    cdef uint32_t low = <uint32_t>(<uint64_t>timestep)
    cdef uint64_t product
    cdef int k
    for k in range(10):
        product = <uint64_t>low * <uint64_t>0xD256D193
        low = <uint32_t>(product >> 32) ^ key ^ high
        high = <uint32_t>product
        key = key + <uint32_t>0x9E3779B9
"""
_CYTHON_UNIFORM = (
    _CYTHON.format(kind="double", name="_counter_uniform")
    + "    return <double><int64_t>(((<uint64_t>high << 32) | <uint64_t>low) >> 11)"
    " * 1.1102230246251565e-16\n"
)
_CYTHON_GEOMETRIC = (
    "from libc.math cimport log as _c_log, log1p as _c_log1p, floor as _c_floor\n"
    + _CYTHON.format(kind="double", name="_geometric_uniform")
    + """    return <double><int64_t>(((<uint64_t>high << 32) | <uint64_t>low) >> 11) \\
        * 1.1102230246251565e-16
cdef inline double _counter_geometric(int64_t stream, double start, double p) noexcept:
    if p >= 1.0:
        return 0.0
    if not p > 0.0:
        return 4.611686018427387904e18
    return _c_floor(
        _c_log(_geometric_uniform(stream, <int64_t>start) + 5.5511151231257827e-17)
        / _c_log1p(-p))
"""
)
_CYTHON_GAUSSIAN = (
    "from libc.math cimport sqrt as _c_sqrt, log as _c_log, cos as _c_cos\n"
    + _CYTHON.format(kind="double", name="_counter_gaussian")
    + "    return _c_sqrt(-2.0 * _c_log((<double>low + 0.5) * 2.3283064365386963e-10))"
    " * _c_cos(<double>high * (2.0 * 3.141592653589793 * 2.3283064365386963e-10))\n"
)


@cache
def brian_functions() -> dict[str, Any]:
    """Return `uniform`, `gaussian` and `geometric` as Brian2 functions for a group's namespace.

    Their C++ is in `noise.h`, which `source.py` includes.
    """
    from brian2 import Function

    functions = {}
    for name, arguments, python, cython in (
        ("uniform", ["integer", "integer"], uniform, _CYTHON_UNIFORM),
        ("gaussian", ["integer", "integer"], gaussian, _CYTHON_GAUSSIAN),
        ("geometric", ["integer", "any", "float"], geometric, _CYTHON_GEOMETRIC),
    ):
        function = Function(
            python, arg_types=arguments, return_type="float",
            arg_units=[1] * len(arguments), return_unit=1, stateless=True,
        )  # fmt: skip
        internal = f"_counter_{name}"
        function.implementations.add_implementation("numpy", python)
        function.implementations.add_implementation("cpp", "", name=internal)
        function.implementations.add_implementation("cython", cython, name=internal)
        functions[name] = function
    return functions
