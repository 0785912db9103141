"""Agents that learn by plasticity: what `act` and `learn` made of rates, counts, third factors.

One decision, in this order:

    act      the encoder turns observations into rates or spike times; the network is advanced by
             one window; the decoder turns counts into actions; a modulator that waited for this
             window's critic (TD) delivers the third factor of the decision before
    learn    neurons that wait for it hear the error of the choice; the rule banks the window's
             eligibility; a prompt modulator delivers the third factor of this decision; neurons
             that make a third factor of it hear the reward, in the window's last timestep
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.anatomy import anatomy_of
from threefactor.agents.contract import Agent, Mask, Probe, Recordables, Recording, Vitals
from threefactor.agents.plastic.bound_schedule import BoundSchedule
from threefactor.agents.plastic.controls import Untouched
from threefactor.agents.plastic.learning_signals import BoundLearningSignal
from threefactor.agents.plastic.resting import Resting
from threefactor.agents.pulse import Pulse
from threefactor.agents.recording import (
    choose_synapse_probes,
    drain_replica_0,
    network_recordables,
)
from threefactor.envs.bridge import BoundDecoder, BoundEncoder
from threefactor.envs.bridge.choices import Choices
from threefactor.envs.bridge.outcome import Outcome
from threefactor.models.network import Network
from threefactor.rules.modulators import BoundModulator, Reinforcement, ThirdFactor

#: How long an observation is shown when it is appraised, and for how many windows.
APPRAISED_STEPS, FEWEST_WINDOWS, MOST_WINDOWS = 500, 5, 20


@dataclass(eq=False)
class PlasticAgent(Agent):
    """An encoder, a network, a decoder and a modulator at work.

    Parameters
    ----------
    window_steps : int
        Timesteps of a decision.
    choices : Choices or None
        Of the action space; None: it is continuous.
    reads_features : bool
        Whether the modulator looks at what the encoder says.
    first_stimulus : int or None
        The number of the first observation in its space; None: the modulator does not look at it.
    regime : dict
        See `agents.plastic.regime`.
    """

    encoder: BoundEncoder
    network: Network
    decoder: BoundDecoder
    modulator: BoundModulator
    learning_signal: BoundLearningSignal | None
    control: Untouched
    schedule: BoundSchedule
    window_steps: int
    choices: Choices | None
    reads_features: bool
    first_stimulus: int | None
    regime: dict[str, Any]

    def __post_init__(self) -> None:
        """Prepare what every decision needs."""
        hears_reward = self.network.reward_steps > 0
        self.needs_bootstrap = self.modulator.needs_bootstrap or hears_reward
        self.estimates_values = self.modulator.estimates_values or hears_reward
        self.shared = self.modulator.shared or self.schedule.shared
        self._reads_time = self.decoder.reads == "first_spike_times_ms"
        self._has_critic = self.network.spec.critic is not None
        hears_choice = self.network.reads_choice or self.learning_signal is not None
        self._told = self.choices if hears_choice else None
        self._encoded = self.network.told
        self._counts = np.zeros((self.network.replicas, self.network.n_outputs))
        self._values: NDArray[np.float64] | None = None
        self._resting = Resting(self.network)
        self._pulse = Pulse(self.network, self.window_steps * self.network.spec.timestep_ms)
        self._recorded: tuple[str, ...] = ()

    def act(self, observations: NDArray[Any], involved: Mask) -> NDArray[Any]:
        """Advance the network by one window and read the actions from its spikes."""
        network = self.network
        woken = self._resting.follow(involved)
        if woken is not None:
            self.decoder.reset(woken)
            self._pulse.begin(woken)
        started = network.engine.timestep if self._reads_time else 0
        self.encoder.encode(observations, self._encoded, learn=True)
        self.control.open_window(network, involved)
        self._counts = network.advance(self._encoded, self.window_steps - network.reward_steps)
        outputs = network.first_spikes_ms(started) if self._reads_time else self._counts
        actions = self.decoder.decode(outputs)
        self._values = self._value_of(actions)
        delivered = self.modulator.on_window(self._values, involved)
        if delivered is not None:
            self._deliver(delivered, involved)
        return actions

    def _value_of(self, actions: NDArray[Any]) -> NDArray[np.float64] | None:
        """Return what the critic says of the window, or of the actions, if there is a critic."""
        if not self._has_critic:
            return None
        return self.network.values(
            None if self.choices is None else self.choices.populations(actions)
        )

    def learn(self, outcome: Outcome, involved: Mask) -> None:
        """Bank the window, and let weights follow what came of the action."""
        chosen = None if self._told is None else self._told.populations(outcome.actions)
        if self.learning_signal is not None and chosen is not None:
            self.learning_signal.write(self._counts, chosen)
        self.network.close_decision(chosen)
        features = next_features = None
        if self.reads_features:
            features = self.encoder.features(self._encoded)
            next_features = self.encoder.features(self.encoder.encode(outcome.next_observations))
        stimuli = None
        if self.first_stimulus is not None:
            stimuli = outcome.observations - self.first_stimulus
        reinforcement = Reinforcement(
            outcome.rewards, outcome.terminated, outcome.truncated, outcome.acting, self._values,
            features, next_features, stimuli,
        )  # fmt: skip
        delivered = self.modulator.on_outcome(reinforcement)
        if delivered is not None:
            self._deliver(delivered, outcome.acting)
        if self.network.reward_steps:
            self.network.reinforce(_scalar(delivered, outcome), outcome.terminated)
        self._resting.keep()
        self._pulse.count()

    def _deliver(self, third_factor: NDArray[np.float64] | ThirdFactor, active: Mask) -> None:
        if not isinstance(third_factor, ThirdFactor):
            third_factor = ThirdFactor(third_factor)
        self._pulse.hear(third_factor, active)
        self.control.deliver(self.network, third_factor, active)

    def end_episodes(self, mask: Mask, returns: NDArray[np.float64]) -> None:
        """Update what learns at a trial's end, reset state as the rules say, move the schedule."""
        self.network.start_episode(mask)
        self.modulator.reset(mask)
        self.decoder.reset(mask)
        self.schedule.end_episodes(mask, returns)

    def state(self) -> dict[str, Any]:
        """Return everything that changes, for a checkpoint."""
        self.network.engine.check_finite()
        return {
            "network": self.network.engine.snapshot(),
            "encoder": self.encoder.state(),
            "decoder": self.decoder.state(),
            "modulator": self.modulator.state(),
            "control": self.control.state(),
            "schedule": self.schedule.state(),
            "resting": self._resting.state(),
            "pulse": self._pulse.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.network.engine.restore(state["network"])
        self.encoder.restore(state["encoder"])
        self.decoder.restore(state["decoder"])
        self.modulator.restore(state["modulator"])
        self.control.restore(state["control"])
        self.schedule.restore(state["schedule"])
        self._resting.restore(state["resting"])
        self._pulse.restore(state["pulse"])

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Take over weights, what the encoder has learned, and where the schedule has come to."""
        for projection in self.network.spec.projections:
            name = f"{projection.name}.w"
            self.network.engine.array(name)[...] = state["network"]["arrays"][name]
        self.encoder.restore(state["encoder"])
        self.schedule.hold(state["schedule"])

    def begin_with(self, weights: Mapping[str, NDArray[np.float64]]) -> None:
        """Begin with learned weights where projections have these names; see `Agent`."""
        own = self.network.weights()
        if not set(own) & set(weights):
            raise ValueError(
                f"weights to begin with: expected some of {', '.join(own)}, got "
                f"{', '.join(weights)}."
            )
        for name in own.keys() & weights.keys():
            if weights[name].shape != own[name].shape:
                raise ValueError(
                    f"weights to begin with: expected {own[name].shape[1]} synapses of {name}, got "
                    f"{weights[name].shape[1]}; encoder and model must be of the same sizes."
                )
        for name in own.keys() & weights.keys():
            array = self.network.engine.array(f"{name}.w")
            array[...] = weights[name].reshape(array.shape)

    def quantise(self, bits: int) -> None:
        """Act from now on with weights of so few bits, each projection with a step of its own."""
        self.network.quantise(bits)

    def freeze(self) -> None:
        """Switch plasticity off for good."""
        self.network.freeze()

    def weights(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of all weights, projection -> (R, n_synapses)."""
        return self.network.weights()

    def describe(self) -> dict[str, Any]:
        """Return engine, sizes, the values of what is scheduled, and the regime.

        first_action: the action of the first group of output neurons, None where a group is none.
        """
        spec, choices = self.network.spec, self.choices
        return {
            "engine": self.network.engine.name,
            "network": {
                **anatomy_of(spec),
                "synapses": {p.name: p.n_synapses for p in spec.projections},
                "critic": spec.critic,
                "modulators": sorted({modulation.source for modulation in spec.modulations}),
                "neurons_per_action": self.decoder.neurons_per_action,
            },
            "first_action": int(choices.first[0]) if choices and choices.is_single else None,
            "scheduled": self.schedule.describe(),
            "regime": self.regime,
        }

    def close(self) -> None:
        """Free the network."""
        self.network.close()

    @property
    def now_ms(self) -> float:
        """Simulated time, ms."""
        return self.network.engine.timestep * self.network.spec.timestep_ms

    def recordables(self) -> Recordables:
        """Return the populations that spike, the numbers of the engine, every projection."""
        return network_recordables(self.network)

    def choose_probes(self, count: int, observations: NDArray[Any]) -> list[Probe]:
        """Return probes of synapses that the first observation drives most."""
        return choose_synapse_probes(
            self.network, count, self.encoder.features(self.encoder.encode(observations))[0]
        )

    def record(self, populations: Sequence[str], probes: Sequence[Probe]) -> None:
        """Record spikes of populations, and probes in every timestep."""
        self._recorded = tuple(populations)
        self.network.engine.record(list(populations), list(probes), 1)

    def drain(self) -> Recording:
        """Return and forget the spikes and samples of replica 0."""
        return drain_replica_0(self.network, self._recorded)

    def vitals(self, replica: int, decisions: int) -> dict[str, Vitals]:
        """Return spikes, third factors and weights of a replica since the last time."""
        return self._pulse.take(replica, decisions)

    def appraise(self, observation: Any) -> tuple[NDArray[np.float64], float]:
        """Return mean spike counts of the action populations, and the mean value, over windows.

        Each window starts from the initial state.
        """
        network, everyone = self.network, np.ones(self.network.replicas, dtype=bool)
        encoded = self.encoder.encode(np.stack([observation] * network.replicas))
        features = self.encoder.features(encoded)
        preferences, total = np.zeros(self.decoder.n_populations), 0.0
        lasting = round(APPRAISED_STEPS / self.window_steps)
        n_windows = min(max(lasting, FEWEST_WINDOWS), MOST_WINDOWS)
        for _ in range(n_windows):
            network.start_episode(everyone)
            counts = network.advance(encoded, self.window_steps)
            preferences += self.decoder.by_population(counts)[0].sum(axis=1)
            value = self.modulator.value(network.values() if self._has_critic else None, features)
            total += 0.0 if value is None else value[0]
        return preferences / n_windows, total / n_windows


def _scalar(
    delivered: NDArray[np.float64] | ThirdFactor | None, outcome: Outcome
) -> NDArray[np.float64]:
    """Return the number that was delivered to each replica, 0 where nothing was."""
    if delivered is None:
        return np.zeros_like(outcome.rewards)
    return delivered.scalar if isinstance(delivered, ThirdFactor) else delivered
