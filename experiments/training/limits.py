"""What a run's encoder must know of its environment before anything is built: limits."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import fields, replace

from threefactor.envs.bridge.limits import find_limits
from threefactor.experiments.configuration import RunConfig
from threefactor.experiments.training.setup import Setup

#: Fields of the encoders that scale by limits.
_LIMITED = {"low", "high", "normalise"}


def with_limits(config: RunConfig, say: Callable[[str], None]) -> RunConfig:
    """Return a configuration whose encoder has limits, and say which were found by a rollout.

    They come from the stream `limits` of the first replica's seed and are settings from then on:
    whatever is made of the configuration (replicas, workers, evaluation) has the same.
    """
    encoder = config.parts["encoder"]
    if not _LIMITED <= {field.name for field in fields(encoder)}:
        return config
    setup = Setup.of(config.alone)
    with closing(setup.open_environments()) as environments:
        limits = find_limits(encoder, environments, setup.seeds[0].limits)
    if limits is None:
        return config
    say(f"encoder: {limits}")
    bounded = replace(encoder, low=limits.low, high=limits.high)
    return replace(config, parts={**config.parts, "encoder": bounded})
