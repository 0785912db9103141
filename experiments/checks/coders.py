"""Promises of encoders and decoders, tried on spaces of every kind that they fit."""

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from threefactor.envs.bridge.checks import (
    DECODER_PROMISES,
    ENCODER_PROMISES,
    DecoderTrial,
    corners_and_samples,
)
from threefactor.envs.bridge.decoders.contract import Decoder
from threefactor.envs.bridge.encoders.contract import Encoder
from threefactor.experiments.checks.report import Broken, Promise
from threefactor.experiments.checks.settings import SETTINGS

#: Small spaces of every kind; a coder is tried on those that it says it fits.
SPACES: tuple[gym.Space, ...] = (
    gym.spaces.Discrete(5),
    gym.spaces.Discrete(3, start=-1),
    gym.spaces.MultiDiscrete([3, 4]),
    gym.spaces.Box(-1.0, 1.0, (2,)),
    gym.spaces.Box(np.array([-1, 0, -3], np.float32), np.array([1, 10, 3], np.float32)),
)


def _bound(
    part: Encoder | Decoder, bind: Callable[[gym.Space], Any]
) -> list[tuple[gym.Space, Any]]:
    """Return spaces and what binding to them gives; a coder with settings may fit some only."""
    found, refusal = [], f"it fits none of {', '.join(map(str, SPACES))}"
    for space in SPACES:
        if isinstance(space, part.spaces):
            try:
                found.append((space, bind(space)))
            except ValueError as error:
                refusal = str(error)
    if not found:
        raise Broken(f"expected to be bound to a space of {_names(part)}, got: {refusal}")
    return found


def _names(part: Encoder | Decoder) -> str:
    return " or ".join(space.__name__ for space in part.spaces)


def _encoders(part: Encoder) -> Iterator[tuple[gym.Space, tuple[Any, ...]]]:
    for space, encoder in _bound(part, part.bind):
        yield space, (encoder, corners_and_samples(space, 0))


def _decoders(part: Decoder) -> Iterator[tuple[gym.Space, tuple[Any, ...]]]:
    def bound(space: gym.Space) -> DecoderTrial:
        trial = DecoderTrial(part, space)
        trial.bind([np.random.default_rng(0)])  # it may refuse the space
        return trial

    for space, trial in _bound(part, bound):
        yield space, (trial,)


def _on_every_space(promise: Callable[..., None], trials: Callable) -> Promise:
    def check(part: Encoder | Decoder) -> str:
        tried = []
        for space, arguments in trials(part):
            try:
                promise(*arguments)
            except ValueError as error:
                raise Broken(f"{space}: {error}") from error
            tried.append(str(space))
        return ", ".join(tried) if promise in (ENCODER_PROMISES[0], DECODER_PROMISES[0]) else ""

    check.__name__, check.__doc__ = promise.__name__.removeprefix("decoder_"), promise.__doc__
    return check


ENCODERS = (*SETTINGS, *(_on_every_space(promise, _encoders) for promise in ENCODER_PROMISES))
DECODERS = (*SETTINGS, *(_on_every_space(promise, _decoders) for promise in DECODER_PROMISES))
