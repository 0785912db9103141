"""The checkers themselves: each broken encoder or decoder is caught, by the right check."""

from dataclasses import dataclass

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, Text

from threefactor.envs.bridge.checks import check_decoder, check_encoder, check_settings
from threefactor.envs.bridge.decoders.contract import BoundDecoder
from threefactor.envs.bridge.decoders.discrete import Argmax
from threefactor.envs.bridge.encoders.contract import BoundEncoder
from threefactor.envs.bridge.encoders.one_hot import OneHot

SPACE = Box(-1.0, 1.0, (2,))


class BrokenEncoder(BoundEncoder):
    """Rates 50 Hz times something, with one fault."""

    n_inputs, rates_range_hz = 2, (0.0, 100.0)

    def __init__(self, fault):
        self.fault, self.calls, self.kept = fault, 0, {}

    def encode(self, observations, out=None, learn=False):
        self.calls += 1
        rates = 50.0 + 50.0 * observations.astype(float)
        if self.fault == "shape":
            rates = rates[:, :1]
        elif self.fault == "dtype":
            rates = rates.astype(np.float32)
        elif self.fault == "range":
            rates *= 1.1
        elif self.fault == "nan":
            rates[observations > 0.99] = np.nan
        elif self.fault == "impure":
            rates /= self.calls
        elif self.fault == "mixes replicas":
            rates = rates * 0.5 + rates.mean(axis=0) * 0.5
        elif self.fault == "writes":
            observations *= 0.5
        elif self.fault == "reuses":
            rates = self.kept.setdefault(rates.shape, rates)
        elif self.fault == "learns" and (learn or self.kept):
            self.kept["learnt"] = True
            rates *= 0.9
        if out is None or self.fault == "ignores out":
            return rates
        out[...] = rates
        return out


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("shape", "expected shape"),
        ("dtype", "expected a float64 array"),
        ("range", r"expected rates in \[0.0, 100.0\]"),
        ("nan", "expected finite rates"),
        ("impure", "not pure"),
        ("mixes replicas", "differently alone and in a batch"),
        ("writes", "observations were written to"),
        ("reuses", "arrays must be new"),
        ("ignores out", "expected `out` to be filled"),
        ("learns", "learn=True changed the values"),
    ],
)
def test_broken_encoder_is_caught(fault, message):
    with pytest.raises(ValueError, match=message):
        check_encoder(BrokenEncoder(fault), SPACE)


def test_sound_encoder_passes_and_odd_spaces_are_refused():
    check_encoder(BrokenEncoder("none"), SPACE)
    with pytest.raises(ValueError, match="expected Box, Discrete or MultiDiscrete"):
        check_encoder(BrokenEncoder("none"), Text(3))


class BrokenBound(BoundDecoder):
    """Most spikes, with one fault."""

    def decode(self, outputs):
        fault = self.settings.fault
        sums = outputs.reshape(len(outputs), self.n_populations, -1).sum(axis=2)
        if fault == "by index":
            return sums.argmax(axis=1)
        if fault == "writes":
            outputs[0, 0] += 1
        tied = sums == sums.max(axis=1, keepdims=True)
        shared = self.generators[0] if fault == "one generator" else None
        draws = [(shared or own).random() for own in self.generators]
        ranks = (np.array(draws) * tied.sum(axis=1)).astype(int)
        actions = np.array([np.flatnonzero(t)[r] for t, r in zip(tied, ranks, strict=True)])
        return actions + (fault == "outside")


@dataclass(frozen=True)
class BrokenDecoder(Argmax):
    """Parameters: fault : str."""

    fault: str = "none"

    def bind(self, action_space, neurons_per_action, generators):
        return BrokenBound(self, action_space.n, neurons_per_action, generators)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("by index", "never win a tie"),
        ("writes", "outputs were written to"),
        ("one generator", "differently alone and in a batch"),
        ("outside", "not in Discrete"),
    ],
)
def test_broken_decoder_is_caught(fault, message):
    with pytest.raises(ValueError, match=message):
        check_decoder(BrokenDecoder(fault), Discrete(3))


def test_sound_decoder_passes():
    check_decoder(BrokenDecoder(), Discrete(3))


def test_broken_settings_are_caught():
    @dataclass(frozen=True)
    class Undocumented(OneHot):
        """Nothing."""

    @dataclass(frozen=True)
    class WithArray(OneHot):
        """Parameters: rate_max_hz : float, rate_min_hz : float, limits : tuple."""

        limits: tuple = (1, 2)

    with pytest.raises(ValueError, match="Undocumented.rate_max_hz = 100.0: no line"):
        check_settings(Undocumented())
    with pytest.raises(ValueError, match="back from JSON"):
        check_settings(WithArray())
