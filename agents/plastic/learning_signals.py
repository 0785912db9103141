"""Learning signals: one number for each neuron, which e-prop multiplies with its eligibility.

In every decision, between the choice of the action and the decision block, the agent writes to each
neuron j whose rule declares that the host writes ``learning_signal``

    learning_signal_j = value_gain*value_feedback_j
        + policy_gain*sum over actions k of policy_feedback_jk*([k was chosen] - p_k)

which is minus L_j of Bellec et al. 2020: how value and log-probability of the chosen action rise
with the neuron's activity. The scalar third factor (the TD error) comes later, from the modulator.

p_k is the softmax decoder's probability of action k; with other decoders of a choice, the share of
spikes of action k (all equal if there were none).

Feedback of output neurons is the decoder's own: 1 for the action they stand for. Feedback of critic
neurons is 1 for the value. That of all others (hidden, recurrent) is what the classes here choose.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge import BoundDecoder
from threefactor.envs.bridge.choices import Choices
from threefactor.models import host
from threefactor.models.network import Network
from threefactor.models.specification import Projection
from threefactor.rules.contract import LEARNING_SIGNAL, check_parameters
from threefactor.rules.streams import named_generator

Floats = NDArray[np.float64]
#: Errors of the policy, (replicas, n_actions) -> learning signals of a population, (replicas, n).
Feedback = Callable[[Floats], Floats]


@dataclass(frozen=True)
class LearningSignal(ABC):
    """Base of every learning signal.

    Parameters
    ----------
    policy_gain : float, default 1.0
        Weight of the policy's part (C_pi).
    value_gain : float, default 1.0
        Weight of the value's part (C_V), for networks with a critic population.
    """

    policy_gain: float = 1.0
    value_gain: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        check_parameters(self)

    @abstractmethod
    def hidden(
        self, network: Network, population: str, n_actions: int, seeds: Sequence[int]
    ) -> Feedback:
        """Return the feedback of a population that is neither output nor critic."""


@dataclass(frozen=True)
class SymmetricFeedback(LearningSignal):
    """Symmetric feedback: hidden neurons hear through their own weights to output and critic.

    Equations
    ---------
    policy_feedback_jk = sum of w_ji over the output neurons i of action k
    value_feedback_j = sum of w_ji over the critic neurons i
        as the weights are at this decision; 0 for a neuron without such a synapse

    Parameters
    ----------
    policy_gain : float, default 1.0
        Weight of the policy's part (C_pi).
    value_gain : float, default 1.0
        Weight of the value's part (C_V), for networks with a critic population.

    Limits
    ------
    Output neurons count as linear readouts: their own pseudo-derivative is left out.

    Source
    ------
    Bellec et al. 2020, Nat. Commun. 11:3625, symmetric e-prop.
    """

    def hidden(
        self, network: Network, population: str, n_actions: int, seeds: Sequence[int]
    ) -> Feedback:
        """Return feedback through the present weights."""
        spec, size = network.spec, network.spec.population(population).size
        modules = spec.population(spec.output).modules
        out = [p for p in spec.projections if p.source == population and p.target == spec.output]
        value = [p for p in spec.projections if p.source == population and p.target == spec.critic]

        def feedback(errors: Floats) -> Floats:
            total = np.zeros((network.replicas, size))
            for projection in out:
                heard = self.policy_gain * errors[:, modules][:, projection.post]
                total += _backwards(network, projection, heard, size)
            for projection in value:
                valence = spec.population(projection.target).valence
                sign = 1.0 if valence is None else valence[projection.post]
                total += _backwards(network, projection, np.array(self.value_gain * sign), size)
            return total

        return feedback


def _backwards(network: Network, projection: Projection, heard: Floats, size: int) -> Floats:
    """Return the sum of w*heard over each presynaptic neuron's synapses, (replicas, size)."""
    products = network.replicated(f"{projection.name}.w") * heard
    return np.stack([np.bincount(projection.pre, row, size) for row in products])


@dataclass(frozen=True)
class RandomFeedback(LearningSignal):
    """Random feedback: hidden neurons hear through fixed weights of their own (broadcast).

    Equations
    ---------
    policy_feedback_jk, value_feedback_j ~ N(0, 1), drawn once from the replica's seed
        value_feedback_j = 0 in a network without a critic population

    Parameters
    ----------
    policy_gain : float, default 1.0
        Weight of the policy's part (C_pi).
    value_gain : float, default 1.0
        Weight of the value's part (C_V), for networks with a critic population.

    Source
    ------
    Bellec et al. 2020, Nat. Commun. 11:3625, random e-prop; Lillicrap et al. 2016, Nat. Commun.
    7:13276 (feedback alignment).
    """

    def hidden(
        self, network: Network, population: str, n_actions: int, seeds: Sequence[int]
    ) -> Feedback:
        """Return feedback through drawn weights."""
        shape = (network.spec.population(population).size, n_actions + 1)
        drawn = np.stack(
            [named_generator(seed, population).standard_normal(shape) for seed in seeds]
        )
        value = self.value_gain * drawn[:, :, -1] * (network.spec.critic is not None)
        policy = self.policy_gain * drawn[:, :, :-1]
        return lambda errors: value + np.einsum("rnk,rk->rn", policy, errors)


def _constant(signals: Floats) -> Feedback:
    """Return feedback that does not depend on the policy."""
    return lambda errors: signals


LEARNING_SIGNALS: dict[str, type[LearningSignal]] = {
    "symmetric": SymmetricFeedback,
    "random": RandomFeedback,
}


def listeners(network: Network) -> list[str]:
    """Return the populations whose rules wait for a learning signal that no modulation sends."""
    return host.listeners(network.spec, LEARNING_SIGNAL)


class BoundLearningSignal:
    """A learning signal at work: from spike counts and chosen actions to the neurons.

    Parameters
    ----------
    choices : Choices or None
        Of the action space.
    seeds : sequence of int, one for each replica
        Of random feedback; only what needs them draws.

    Raises
    ------
    ValueError
        If the decoder does not choose among actions.
    """

    def __init__(
        self,
        signal: LearningSignal,
        network: Network,
        decoder: BoundDecoder,
        choices: Choices | None,
        seeds: Sequence[int],
    ) -> None:
        if decoder.reads == "membrane" or choices is None:
            raise ValueError(
                "learning signal: expected a decoder that chooses by spikes (argmax, softmax, "
                f"first-to-spike), got {type(decoder.settings).__name__}; the rule waits for the "
                "error of a choice."
            )
        self._network, self._decoder, self._choices = network, decoder, choices
        self._replicas = np.arange(network.replicas)[:, None]
        spec = network.spec
        modules, gain = spec.population(spec.output).modules, signal.policy_gain
        if modules is None:
            raise ValueError(
                f"learning signal: population {spec.output!r} does not say which actions its "
                "neurons stand for; give it modules."
            )
        self._feedbacks: dict[str, Feedback] = {}
        for name in listeners(network):
            size = spec.population(name).size
            if name == spec.output:
                self._feedbacks[name] = lambda errors: gain * errors[:, modules]
            elif name == spec.critic:
                value = np.full((network.replicas, size), signal.value_gain)
                self._feedbacks[name] = _constant(value)
            else:
                n_actions = decoder.n_populations
                self._feedbacks[name] = signal.hidden(network, name, n_actions, seeds)

    def write(self, counts: Floats, chosen: NDArray[np.int_]) -> None:
        """Tell the neurons what the policy did.

        Parameters
        ----------
        counts : (replicas, n_outputs)
            Spikes of the output neurons in the decision window.
        chosen : (replicas,) or (replicas, n_components)
            Populations of what was chosen.
        """
        errors = -self.policy(counts)
        errors[self._replicas, chosen.reshape(len(errors), -1)] += 1.0
        for population, feedback in self._feedbacks.items():
            self._network.write(LEARNING_SIGNAL, feedback(errors), population)

    def policy(self, counts: Floats) -> Floats:
        """Return the probability of each action in its component, (replicas, n_actions)."""
        probabilities = getattr(self._decoder, "probabilities", None)
        if probabilities is not None:
            return probabilities(counts)
        sums = self._decoder.by_population(counts).sum(axis=2)
        for component in self._choices.components:
            own = sums[:, component]
            totals = own.sum(axis=1, keepdims=True)
            own[...] = np.where(totals > 0, own / np.maximum(totals, 1.0), 1.0 / own.shape[1])
        return sums
