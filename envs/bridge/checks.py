"""Checkers of the encoder and decoder contracts: run them on your own class.

    check_encoder(MyEncoder().bind(space), space)
    check_decoder(MyDecoder(), space)

They raise a ValueError that says what was expected and what was got, and return None.
"""

import dataclasses
import itertools
import json
import re
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.decoders.contract import READS, BoundDecoder, Decoder
from threefactor.envs.bridge.encoders.contract import BoundEncoder, Encoder

_MAX_CORNERS = 64
# Stands for an infinite bound: far beyond any limit a user gives, and still finite in float32.
_FAR = 1e6


def check_settings(settings: Encoder | Decoder) -> None:
    """Check a settings dataclass: frozen, survives JSON, its docstring names every field."""
    name = type(settings).__name__
    if not dataclasses.is_dataclass(settings):
        raise ValueError(f"{name}: expected a dataclass; decorate it with @dataclass(frozen=True).")
    if not settings.__dataclass_params__.frozen:
        raise ValueError(f"{name}: expected a frozen dataclass, got one that can change.")
    fields = dataclasses.asdict(settings)
    copy = type(settings)(**json.loads(json.dumps(fields)))
    if copy != settings:
        raise ValueError(f"{name}: expected {settings} back from JSON, got {copy}.")
    for field, value in fields.items():
        if not re.search(rf"(^|\s){field} : ", type(settings).__doc__ or ""):
            raise ValueError(
                f"{name}.{field} = {value!r}: no line '{field} : ...' in the docstring."
            )


def check_encoder(encoder: BoundEncoder, space: gym.Space, seed: int = 0) -> None:
    """Check a bound encoder on the corners of its space and on random samples.

    Finite rates within `rates_range_hz`, of the right shape; the same for the same observation,
    whatever the other replicas see; `out` used when given, a new array otherwise; observations
    untouched; `restore(state())` undoes learning.
    """
    name = type(encoder).__name__
    observations = _corners_and_samples(space, seed)
    given = observations.copy()
    rates = encoder.encode(observations)
    _expect(
        isinstance(rates, np.ndarray) and rates.dtype == np.float64,
        f"{name}.encode: expected a float64 array, got {type(rates).__name__}.",
    )
    shape = (len(observations), encoder.n_inputs)
    _expect(rates.shape == shape, f"{name}.encode: expected shape {shape}, got {rates.shape}.")
    _expect(bool(np.isfinite(rates).all()), f"{name}.encode: expected finite rates.")
    low, high = encoder.rates_range_hz
    _expect(
        0.0 <= low and rates.min() >= low - 1e-9 and rates.max() <= high + 1e-9,
        f"{name}.encode: expected rates in [{low}, {high}] Hz, "
        f"got [{rates.min()}, {rates.max()}] Hz.",
    )
    _expect(
        np.array_equal(observations, given), f"{name}.encode: the observations were written to."
    )
    kept = rates.copy()
    again = encoder.encode(observations)
    _expect(
        np.array_equal(again, kept), f"{name}.encode: same observations, different rates: not pure."
    )
    _expect(not np.shares_memory(again, rates), f"{name}.encode: without `out` arrays must be new.")
    out = np.full(shape, np.nan)
    returned = encoder.encode(observations, out=out)
    _expect(
        returned is out and np.array_equal(out, kept),
        f"{name}.encode: expected `out` to be filled with the rates and returned.",
    )
    for row in range(len(observations)):
        alone = encoder.encode(observations[row : row + 1])
        _expect(
            np.array_equal(alone[0], kept[row]),
            f"{name}.encode: replica {row} is encoded differently alone and in a batch.",
        )
    _check_encoder_state(encoder, observations[: max(2, len(observations) // 2)])


def _check_encoder_state(encoder: BoundEncoder, observations: NDArray[Any]) -> None:
    name = type(encoder).__name__
    before = encoder.encode(observations)
    state = encoder.state()
    _expect(
        bool(state) == encoder.is_adaptive,
        f"{name}.state: expected {'something' if encoder.is_adaptive else 'nothing'} to save with "
        f"is_adaptive={encoder.is_adaptive}, got {sorted(state)}.",
    )
    for _ in range(3):
        learnt = encoder.encode(observations, learn=True)
    changed = not np.array_equal(encoder.encode(observations), before)
    _expect(
        encoder.is_adaptive or not changed,
        f"{name}.encode: learn=True changed the rates with is_adaptive=False.",
    )
    low, high = encoder.rates_range_hz
    _expect(
        bool(np.isfinite(learnt).all())
        and low - 1e-9 <= learnt.min() <= learnt.max() <= high + 1e-9,
        f"{name}.encode: expected rates in [{low}, {high}] Hz while learning.",
    )
    encoder.restore(state)
    _expect(
        np.array_equal(encoder.encode(observations), before),
        f"{name}.restore: expected the rates from before learning.",
    )


def check_decoder(
    decoder: Decoder, space: gym.Space, neurons_per_action: int = 3, seed: int = 0
) -> None:
    """Check decoder settings on one action space.

    Any outputs give an action of the space; outputs untouched; a replica of a batch decides as it
    would alone with the same generator; `restore(state())` replays the same decisions; a tie in a
    Discrete space is broken by the generator and reaches every action.
    """
    check_settings(decoder)
    name = type(decoder).__name__
    outputs = _any_outputs(decoder.bind(space, neurons_per_action, _generators(seed, 1)), seed)
    bound = decoder.bind(space, neurons_per_action, _generators(seed, len(outputs)))
    _expect(bound.reads in READS, f"{name}.reads: expected one of {READS}, got {bound.reads!r}.")
    given, start = outputs.copy(), bound.state()
    actions = bound.decode(outputs)
    _expect(np.array_equal(outputs, given), f"{name}.decode: the outputs were written to.")
    _expect(
        len(actions) == len(outputs),
        f"{name}.decode: expected {len(outputs)} actions, got {len(actions)}.",
    )
    for action, row in zip(actions, outputs, strict=True):
        shaped = action if isinstance(space, gym.spaces.Discrete) else action.reshape(space.shape)
        _expect(
            space.contains(shaped), f"{name}.decode: {row.tolist()} gave {action}, not in {space}."
        )
    # In another order, so that a tie follows an untied row and shows what that row drew.
    backwards = outputs[::-1].copy()
    second = bound.decode(backwards)
    bound.restore(start)
    _expect(
        np.array_equal(bound.decode(outputs), actions)
        and np.array_equal(bound.decode(backwards), second),
        f"{name}.restore: expected the same decisions again.",
    )
    for replica, generator in enumerate(_generators(seed, len(outputs))):
        alone = decoder.bind(space, neurons_per_action, [generator])
        row, later = (rows[replica : replica + 1] for rows in (outputs, backwards))
        _expect(
            np.array_equal(alone.decode(row)[0], actions[replica])
            and np.array_equal(alone.decode(later)[0], second[replica]),
            f"{name}.decode: replica {replica} decides differently alone and in a batch.",
        )
    if isinstance(space, gym.spaces.Discrete):
        _check_ties(decoder, space, neurons_per_action, seed)


def _check_ties(
    decoder: Decoder, space: gym.spaces.Discrete, neurons_per_action: int, seed: int
) -> None:
    n_draws = 30 * int(space.n)
    bound = decoder.bind(space, neurons_per_action, _generators(seed, n_draws))
    actions = bound.decode(np.zeros((n_draws, bound.n_outputs)))
    missing = set(range(int(space.start), int(space.start + space.n))) - set(actions.tolist())
    _expect(
        not missing,
        f"{type(decoder).__name__}.decode: actions {sorted(missing)} never win a tie; "
        "break ties with the generators, not by index.",
    )


def _any_outputs(bound: BoundDecoder, seed: int) -> NDArray[Any]:
    """Make outputs of the kind read: silence, ties, extremes, single neurons, noise."""
    shape, generator = (8, bound.n_outputs), np.random.default_rng(seed)
    if bound.reads == "membrane":
        extremes = np.array([[0.0], [1e30], [-1e30]]) * np.ones(bound.n_outputs)
        return np.concatenate([extremes, np.eye(bound.n_outputs), generator.normal(size=shape)])
    counts = np.concatenate(
        [
            np.array([[0], [1], [10**6]]) * np.ones(bound.n_outputs, dtype=np.int64),
            np.eye(bound.n_outputs, dtype=np.int64),
            generator.integers(0, 4, size=shape),
        ]
    )
    if bound.reads == "first_spike_times_ms":
        return np.where(counts > 0, 50.0 / np.maximum(counts, 1), np.inf)
    return counts


def _corners_and_samples(space: gym.Space, seed: int) -> NDArray[Any]:
    """Stack corners (all, or a random 64 of them) and samples of a space, replica first."""
    generator = np.random.default_rng(seed)
    space.seed(seed)
    samples = [space.sample() for _ in range(16)]
    if isinstance(space, gym.spaces.Discrete):
        return np.array([space.start, space.start + space.n - 1, *samples], dtype=np.int64)
    if isinstance(space, gym.spaces.MultiDiscrete):
        low, high = space.start, space.start + space.nvec - 1
    elif isinstance(space, gym.spaces.Box):
        low, high = np.clip(space.low, -_FAR, None), np.clip(space.high, None, _FAR)
    else:
        raise ValueError(f"check_encoder: expected Box, Discrete or MultiDiscrete, got {space}.")
    n_dimensions = int(np.prod(space.shape))
    if 2**n_dimensions <= _MAX_CORNERS:
        is_high = np.array(list(itertools.product([False, True], repeat=n_dimensions)))
    else:
        is_high = generator.random((_MAX_CORNERS, n_dimensions)) < 0.5
        is_high[0], is_high[1] = False, True
    corners = np.where(is_high.reshape(-1, *space.shape), high, low)
    return np.concatenate([corners, np.array(samples)]).astype(space.dtype)


def _generators(seed: int, n_replicas: int) -> list[np.random.Generator]:
    children = np.random.SeedSequence(seed).spawn(n_replicas)
    return [np.random.default_rng(child) for child in children]


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
