"""Agents whose encoder says when inputs spike: they fit, learn, and go on from a checkpoint."""

from dataclasses import dataclass, replace
from typing import ClassVar

import gymnasium as gym
import numpy as np
import pytest

from threefactor.envs.bridge import BoundEncoder, Encoder
from threefactor.envs.bridge.checks import check_encoder
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.observers import EpisodeLog
from threefactor.experiments.training.run import resume_agent, train_agent
from threefactor.experiments.training.setup import Setup
from threefactor.models.architectures.feedforward import FeedForward
from threefactor.models.neurons.contract import PoissonInput, TimedInput

SETTINGS = {
    "env": "Identity-v0", "max_episode_steps": 20, "episodes": 30, "window_ms": 10.0, "seed": 2,
    "model": {"name": "feed-forward", "neurons_per_action": 3, "w_init_low": 14.0,
              "w_init_high": 18.0, "w_max": 40.0},
    "rule": {"name": "reinforce", "learning_rate": 10.0}, "modulator": "reward-baseline",
}  # fmt: skip


@dataclass(frozen=True)
class OneSpike(Encoder):
    """The input of the symbol seen spikes once, the others not at all."""

    early_ms: float = 0.0
    late_ms: float = 3.0
    fault: str = ""

    spaces: ClassVar[tuple[type[gym.Space], ...]] = (gym.spaces.Discrete,)

    def bind(self, observation_space):
        return BoundOneSpike(self, observation_space)


class BoundOneSpike(BoundEncoder):
    emits = "spike_times_ms"

    def __init__(self, settings, space):
        self.n_inputs, self._settings, self._calls = int(space.n), settings, 0
        self.times_range_ms = (settings.early_ms, settings.late_ms)
        if settings.fault == "unknown":
            self.emits = "spikes"

    def encode(self, observations, out=None, learn=False):
        fault, span = self._settings.fault, self._settings.late_ms - self._settings.early_ms
        seen = np.asarray(observations)[:, None] == np.arange(self.n_inputs)
        times = np.where(seen, self._settings.early_ms + span / 2, np.inf)
        self._calls += 1
        if fault == "late":
            times = np.where(seen, self._settings.late_ms + 1.0, np.inf)
        elif fault == "minus infinity":
            times = -times
        elif fault == "drifts":
            times = times * (1.0 + 0.01 * self._calls)
        if out is None:
            return times
        out[...] = times
        return out


def opened(encoder):
    """Return the setup of an agent with an encoder of this file."""
    setup = Setup.of(resolve(SETTINGS))
    return replace(setup, parts=replace(setup.parts, encoder=encoder))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("late", r"expected spike times in \[0.0, 3.0\] ms"),
        ("minus infinity", r"expected spike times in \[0.0, 3.0\] ms, got \[-inf"),
        ("drifts", "not pure"),
        ("unknown", r"emits: expected one of \('rates_hz', 'spike_times_ms'\), got spikes"),
    ],
)
def test_broken_encoders_of_spike_times_are_caught(fault, message):
    space = gym.spaces.Discrete(3)
    check_encoder(OneSpike().bind(space), space)
    with pytest.raises(ValueError, match=message):
        check_encoder(OneSpike(fault=fault).bind(space), space)


def test_critics_see_early_spikes_as_more():
    bound = OneSpike(1.0, 5.0).bind(gym.spaces.Discrete(2))
    seen = bound.features(np.array([[1.0, 3.0, 5.0, np.inf, np.nan]]))
    np.testing.assert_array_equal(seen, [[1.0, 0.75, 0.5, 0.0, 0.0]])


@dataclass(frozen=True)
class Deaf(FeedForward):
    """Inputs that take the other thing."""

    def build(self, parts):
        takes_times = parts.input_neuron == TimedInput()
        other = PoissonInput() if takes_times else TimedInput()
        return super().build(replace(parts, input_neuron=other))


def refusal(encoder=None, model=None):
    """Return the one line with which an agent of these parts is refused."""
    setup = Setup.of(resolve(SETTINGS))
    parts = replace(setup.parts, encoder=encoder or setup.parts.encoder)
    setup = replace(setup, parts=replace(parts, model=model or parts.model))
    with pytest.raises(ValueError, match="encoder") as caught:
        setup.opened().__enter__()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_emitted_and_what_is_taken_must_agree():
    assert "BoundOneSpike emits spike_times_ms, and the input of the model takes rates_hz" in (
        refusal(OneSpike(), Deaf(3, 4.0, 8.0, w_max=20.0))
    )
    assert "emits rates_hz, and the input of the model takes spike_times_ms" in (
        refusal(None, Deaf(3, 4.0, 8.0, w_max=20.0))
    )


@pytest.mark.parametrize(("late_ms", "fits"), [(9.0, True), (9.4, True), (9.5, False)])
def test_spikes_lie_within_the_window(late_ms, fits):
    if fits:
        with opened(OneSpike(late_ms=late_ms)).opened():
            return
    said = refusal(OneSpike(late_ms=late_ms))
    assert "decision window of 10 ms, got spikes at up to 9.5 ms" in said


def test_an_agent_learns_from_single_spikes():
    setup, log = opened(OneSpike()), EpisodeLog()
    with setup.opened() as (environments, agent):
        agent.record(["input"], [])
        setup.begin_loop(environments, agent, SETTINGS["episodes"], [log]).run()
        times, neurons = agent.drain().spikes["input"]
    assert len(times) == 20 * SETTINGS["episodes"]
    np.testing.assert_array_equal(times % 10.0, 2.0)  # 1.5 ms, rounded upwards
    assert set(neurons) == {0, 1}
    returns = [episode.total for episode in log.episodes]
    assert np.mean(returns[:5]) < 14 < 17 < np.mean(returns[-5:])


def test_a_run_with_spike_times_goes_on_as_if_never_stopped(tmp_path):
    settings = {**SETTINGS, "encoder": f"{__file__}:OneSpike", "record_episodes": 2}
    whole = train_agent(resolve(settings, {"episodes": 4}), tmp_path / "whole")
    part = train_agent(resolve(settings, {"episodes": 2}), tmp_path / "part")
    resumed = resume_agent(part.path, 4)
    np.testing.assert_array_equal(resumed.returns, whole.returns)
    one, other = resumed.weights("policy").values, whole.weights("policy").values
    np.testing.assert_array_equal(one[-1], other[-1])
    assert np.any(one[-1] != one[0])
