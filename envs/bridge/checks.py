"""Checkers of the encoder and decoder contracts: run them on your own class.

    check_encoder(MyEncoder().bind(space), space)
    check_decoder(MyDecoder(), space)

They raise a ValueError that says what was expected and what was got, and return None.
"""

import dataclasses
import functools
import itertools
import json
import re
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.choices import Choices
from threefactor.envs.bridge.decoders.contract import READS, BoundDecoder, Decoder
from threefactor.envs.bridge.encoders.contract import EMITS, BoundEncoder, Encoder

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
    """Try `ENCODER_PROMISES` on the corners of the encoder's space and on random samples of it."""
    observations = corners_and_samples(space, seed)
    for promise in ENCODER_PROMISES:
        promise(encoder, observations)


def values(encoder: BoundEncoder, observations: NDArray[Any]) -> None:
    """Give float64 values of the right shape, all within the declared range."""
    name = type(encoder).__name__
    _expect(encoder.emits in EMITS, f"{name}.emits: expected one of {EMITS}, got {encoder.emits}.")
    encoded = encoder.encode(observations)
    _expect(
        isinstance(encoded, np.ndarray) and encoded.dtype == np.float64,
        f"{name}.encode: expected a float64 array, got {type(encoded).__name__}.",
    )
    shape = (len(observations), encoder.n_inputs)
    _expect(encoded.shape == shape, f"{name}.encode: expected shape {shape}, got {encoded.shape}.")
    _expect_range(encoder, encoded, "")


def _expect_range(encoder: BoundEncoder, encoded: NDArray[np.float64], when: str) -> None:
    name = type(encoder).__name__
    if encoder.emits == "rates_hz":
        what, unit, (low, high) = "rates", "Hz", encoder.rates_range_hz
        _expect(bool(np.isfinite(encoded).all()), f"{name}.encode: expected finite rates{when}.")
    else:
        what, unit, (low, high) = "spike times", "ms", encoder.times_range_ms
        encoded = encoded[np.isfinite(encoded) | (encoded < 0)]
        if not encoded.size:
            return
    _expect(
        0.0 <= low <= high and encoded.min() >= low - 1e-9 and encoded.max() <= high + 1e-9,
        f"{name}.encode: expected {what} in [{low}, {high}] {unit}{when}, "
        f"got [{encoded.min()}, {encoded.max()}] {unit}.",
    )


def purity(encoder: BoundEncoder, observations: NDArray[Any]) -> None:
    """Give the same for the same observations, and leave those as they are."""
    name, given = type(encoder).__name__, observations.copy()
    kept = encoder.encode(given).copy()
    _expect(
        np.array_equal(observations, given), f"{name}.encode: the observations were written to."
    )
    _expect(
        _equal(encoder.encode(observations), kept),
        f"{name}.encode: same observations, different values: not pure.",
    )


def new_arrays(encoder: BoundEncoder, observations: NDArray[Any]) -> None:
    """Fill `out` when it is given, and make a new array when it is not."""
    name, first = type(encoder).__name__, encoder.encode(observations)
    kept = first.copy()
    _expect(
        not np.shares_memory(encoder.encode(observations), first),
        f"{name}.encode: without `out` arrays must be new.",
    )
    out = np.full(kept.shape, -1.0)
    returned = encoder.encode(observations, out=out)
    _expect(
        returned is out and _equal(out, kept),
        f"{name}.encode: expected `out` to be filled with the values and returned.",
    )


def replicas(encoder: BoundEncoder, observations: NDArray[Any]) -> None:
    """Encode each replica's observation whatever the others see."""
    name, together = type(encoder).__name__, encoder.encode(observations).copy()
    for row in range(len(observations)):
        _expect(
            _equal(encoder.encode(observations[row : row + 1])[0], together[row]),
            f"{name}.encode: replica {row} is encoded differently alone and in a batch.",
        )


def learning(encoder: BoundEncoder, observations: NDArray[Any]) -> None:
    """Change by `learn=True` only if adaptive, and forget what was learnt by `restore(state())`."""
    name, observations = type(encoder).__name__, observations[: max(2, len(observations) // 2)]
    before = encoder.encode(observations)
    state = encoder.state()
    _expect(
        bool(state) == encoder.is_adaptive,
        f"{name}.state: expected {'something' if encoder.is_adaptive else 'nothing'} to save with "
        f"is_adaptive={encoder.is_adaptive}, got {sorted(state)}.",
    )
    for _ in range(3):
        learnt = encoder.encode(observations, learn=True)
    changed = not _equal(encoder.encode(observations), before)
    _expect(
        encoder.is_adaptive or not changed,
        f"{name}.encode: learn=True changed the values with is_adaptive=False.",
    )
    _expect_range(encoder, learnt, " while learning")
    encoder.restore(state)
    _expect(
        _equal(encoder.encode(observations), before),
        f"{name}.restore: expected the values from before learning.",
    )


#: Each takes a bound encoder and observations, (n, ...), and raises ValueError.
ENCODER_PROMISES = (values, purity, new_arrays, replicas, learning)


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def check_decoder(
    decoder: Decoder, space: gym.Space, neurons_per_action: int = 3, seed: int = 0
) -> None:
    """Check decoder settings and try `DECODER_PROMISES` on one action space."""
    check_settings(decoder)
    for promise in DECODER_PROMISES:
        promise(DecoderTrial(decoder, space, neurons_per_action, seed))


@dataclasses.dataclass(frozen=True)
class DecoderTrial:
    """A decoder with an action space and outputs to decode.

    Attributes
    ----------
    outputs : (n, n_outputs)
        Silence, ties, extremes, single neurons, noise.
    """

    settings: Decoder
    space: gym.Space
    neurons_per_action: int = 3
    seed: int = 0

    @property
    def name(self) -> str:
        """The decoder's class."""
        return type(self.settings).__name__

    @functools.cached_property
    def outputs(self) -> NDArray[Any]:
        """What the network may give."""
        return _any_outputs(self.bind(_generators(self.seed, 1)), self.seed)

    def bind(self, generators: list[np.random.Generator] | None = None) -> BoundDecoder:
        """Return the decoder at work, by default with a generator for each row of the outputs."""
        generators = generators or _generators(self.seed, len(self.outputs))
        return self.settings.bind(self.space, self.neurons_per_action, generators)


def actions(trial: DecoderTrial) -> None:
    """Give an action of the space for any outputs, and leave those as they are."""
    bound, name = trial.bind(), trial.name
    _expect(bound.reads in READS, f"{name}.reads: expected one of {READS}, got {bound.reads!r}.")
    given = trial.outputs.copy()
    chosen = bound.decode(given)
    _expect(np.array_equal(given, trial.outputs), f"{name}.decode: the outputs were written to.")
    _expect(
        len(chosen) == len(given),
        f"{name}.decode: expected {len(given)} actions, got {len(chosen)}.",
    )
    space = trial.space
    for action, row in zip(chosen, given, strict=True):
        shaped = action if isinstance(space, gym.spaces.Discrete) else action.reshape(space.shape)
        _expect(
            space.contains(shaped), f"{name}.decode: {row.tolist()} gave {action}, not in {space}."
        )


def replay(trial: DecoderTrial) -> None:
    """Decide the same again after `restore(state())`."""
    bound, outputs = trial.bind(), trial.outputs
    start = bound.state()
    first, second = bound.decode(outputs), bound.decode(outputs[::-1].copy())
    bound.restore(start)
    _expect(
        np.array_equal(bound.decode(outputs), first)
        and np.array_equal(bound.decode(outputs[::-1].copy()), second),
        f"{trial.name}.restore: expected the same decisions again.",
    )


def decoder_replicas(trial: DecoderTrial) -> None:
    """Decide for each replica as it would alone with its generator."""
    # In another order, so that a tie follows an untied row and shows what that row drew.
    outputs, backwards = trial.outputs, trial.outputs[::-1].copy()
    bound = trial.bind()
    first, second = bound.decode(outputs), bound.decode(backwards)
    for replica, generator in enumerate(_generators(trial.seed, len(outputs))):
        alone = trial.bind([generator])
        row, later = (rows[replica : replica + 1] for rows in (outputs, backwards))
        _expect(
            np.array_equal(alone.decode(row)[0], first[replica])
            and np.array_equal(alone.decode(later)[0], second[replica]),
            f"{trial.name}.decode: replica {replica} decides differently alone and in a batch.",
        )


def ties(trial: DecoderTrial) -> None:
    """Break ties with the generators, such that every value of every component may win."""
    choices = Choices.of(trial.space)
    if choices is None:
        return
    n_draws = 30 * choices.n_populations
    bound = trial.bind(_generators(trial.seed, n_draws))
    chosen = bound.decode(np.zeros((n_draws, bound.n_outputs)))
    winners = choices.populations(chosen)
    missing = sorted(set(range(choices.n_populations)) - set(winners.ravel().tolist()))
    _expect(
        not missing,
        f"{trial.name}.decode: populations {missing} never win a tie; "
        "break ties with the generators, not by index.",
    )


#: Each takes a `DecoderTrial` and raises ValueError.
DECODER_PROMISES = (actions, replay, decoder_replicas, ties)


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


def corners_and_samples(space: gym.Space, seed: int) -> NDArray[Any]:
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
