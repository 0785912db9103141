"""Parts of every kind but rules that break one promise each, by kind and check."""

import itertools
import math
import random
from dataclasses import dataclass, replace

import gymnasium as gym
import numpy as np

from threefactor.agents.plastic.learning_signals import RandomFeedback
from threefactor.agents.plastic.schedules import Interval
from threefactor.envs.bridge import BoundEncoder, Encoder
from threefactor.envs.bridge.decoders.contract import BoundDecoder
from threefactor.envs.bridge.decoders.discrete import Argmax
from threefactor.envs.identity import Identities, Identity
from threefactor.models import Architecture
from threefactor.models.architectures.feedforward import FeedForward
from threefactor.models.neurons import LIF, ConductanceLIF, Izhikevich, NeuronModel
from threefactor.models.neurons.lif import HOLD, RELAX
from threefactor.rules.modulators import BoundModulator, Modulator, ThirdFactor
from threefactor.rules.updates import WeightUpdate

frozen = dataclass(frozen=True)
count = iter(range(10**9))

# Encoders: the inputs are 50 Hz times the observation, but for one fault.


class Encoding(BoundEncoder):
    rates_range_hz = (0.0, 1e9)

    def __init__(self, settings, space):
        self.n_inputs, self.settings = int(np.prod(space.shape)) or 1, settings

    def encode(self, observations, out=None, learn=False):
        rates = 50.0 * np.abs(observations.reshape(len(observations), -1)).astype(float)
        rates = self.settings.distort(self, rates, learn)
        if out is None:
            return rates
        out[...] = rates
        return out


@frozen
class SoundEncoder(Encoder):
    """Rates proportional to the size of each observed number."""

    spaces = (gym.spaces.Box, gym.spaces.Discrete)

    def bind(self, observation_space):
        return Encoding(self, observation_space)

    def distort(self, bound, rates, learn):
        return rates


@frozen
class EncodesOutOfRange(SoundEncoder):
    """Rates below zero."""

    def distort(self, bound, rates, learn):
        return rates - 1.0


@frozen
class EncodesNoise(SoundEncoder):
    """Rates that differ from call to call."""

    def distort(self, bound, rates, learn):
        return rates + next(count)


@frozen
class EncodesInPlace(SoundEncoder):
    """One array for all calls."""

    def distort(self, bound, rates, learn):
        known = vars(bound).setdefault("known", {})
        kept = known.setdefault(rates.shape, rates)
        kept[...] = rates
        return kept


@frozen
class EncodesTheBatch(SoundEncoder):
    """Rates that depend on the other replicas."""

    def distort(self, bound, rates, learn):
        return rates + rates.mean()


@frozen
class EncodesAndLearns(SoundEncoder):
    """Rates that learning moves, undeclared."""

    def distort(self, bound, rates, learn):
        bound.gain = getattr(bound, "gain", 1.0) * (2.0 if learn else 1.0)
        return rates * bound.gain


@frozen
class Undocumented(SoundEncoder):
    gain: float = 1.0


@frozen
class Unexplained(SoundEncoder):
    """Rates with a gain that nobody explains."""

    gain: float = 1.0


@frozen
class ForgetsItsType(SoundEncoder):
    """A tuple that comes back as a list.

    Parameters
    ----------
    gains : object, default (1, 2)
        Untyped.
    """

    gains: object = (1, 2)


@frozen
class FitsNothing(SoundEncoder):
    """An encoder of no space at all."""

    def bind(self, observation_space):
        raise ValueError("not this one")


# Decoders


class Deciding(BoundDecoder):
    def decode(self, outputs):
        sums = self.by_population(outputs).sum(axis=2)
        return self.settings.choose(self, sums) + self.first


@frozen
class SoundDecoder(Argmax):
    """The most spikes win; ties are drawn."""

    spaces = (gym.spaces.Discrete,)

    def bind(self, action_space, neurons_per_action, generators):
        bound = Deciding(self, int(action_space.n), neurons_per_action, generators)
        bound.first = int(action_space.start)
        return bound

    def choose(self, bound, sums):
        draws = np.array([generator.random(sums.shape[1]) for generator in bound.generators])
        return (sums + 0.5 * draws).argmax(axis=1)


@frozen
class DecidesOutside(SoundDecoder):
    """An action beyond the last."""

    def choose(self, bound, sums):
        return sums.argmax(axis=1) + 10


@frozen
class DecidesByTheWay(SoundDecoder):
    """Draws that no state remembers."""

    def choose(self, bound, sums):
        noise = np.array([[hash((row, next(count))) % 97 for row in range(len(sums))]]).T / 97
        return (sums.argmax(axis=1) + np.ravel(noise * 5).astype(int)) % sums.shape[1]


@frozen
class DecidesTogether(SoundDecoder):
    """One generator for all replicas."""

    def choose(self, bound, sums):
        draws = bound.generators[0].random(sums.shape)
        return (sums + 0.5 * draws).argmax(axis=1)


@frozen
class DecidesByIndex(SoundDecoder):
    """The first of tied actions."""

    def choose(self, bound, sums):
        return sums.argmax(axis=1)


# Neurons


@frozen
class BadDefault(LIF):
    """A neuron whose docstring says nothing of its fields."""


@frozen
class UnknownName(LIF):
    __doc__ = LIF.__doc__
    reset = "v = v_rset"


@frozen
class Restless(LIF):
    __doc__ = LIF.__doc__
    integrate = "v += 5*mV"


@frozen
class HoldsConductances(ConductanceLIF):
    """A neuron whose conductances keep their values for a step, and promises what any does."""

    __doc__ = f"{__doc__}\n{ConductanceLIF.__doc__}"
    integrate = (
        "excitation_mean_of_step = g_excitatory\ninhibition_mean_of_step = g_inhibitory\n"
        f"{RELAX}{HOLD}"
        "g_excitatory *= exp(-dt/tau_excitatory)\ng_inhibitory *= exp(-dt/tau_inhibitory)"
    )
    largest_psp_error = NeuronModel.largest_psp_error


@frozen
class PulseOfAStep(Izhikevich):
    __doc__ = Izhikevich.__doc__
    ports = {"current": "current += w*mV"}


@frozen
class Unmoved(LIF):
    __doc__ = LIF.__doc__
    ports = {"current": "v += 0*w*mV"}


@frozen
class NamelessMembrane(NeuronModel):
    """A membrane that is not called v."""

    equations = "du/dt = -u/(20*ms) : 1"
    threshold = "u > 1"
    reset = "u = 0"
    ports = {"current": "u += w"}


@frozen
class PerStepOnPaper(LIF):
    __doc__ = LIF.__doc__
    largest_psp_error = largest_rate_error = math.inf


@frozen
class ForwardEuler(LIF):
    __doc__ = LIF.__doc__
    equations = "v : volt\nrefractory_left : second"
    integrate = "v += dt/tau_membrane*(v_rest + bias - v)" + HOLD
    largest_psp_error = 0.01


@frozen
class DriftsByTheStep(LIF):
    __doc__ = LIF.__doc__
    integrate = "v += 0.2*mV" + HOLD


@frozen
class PromisesTooMuch(LIF):
    __doc__ = LIF.__doc__
    largest_rate_error = 0.01


@frozen
class NeverRises(LIF):
    __doc__ = LIF.__doc__
    threshold = "v >= v_threshold + 1*volt*second/dt"


# Architectures


@frozen
class SoundModel(FeedForward):
    """One plastic layer."""


@frozen
class NeedsTwoInputs(FeedForward):
    """A layer for two inputs or more."""

    def build(self, parts):
        if parts.n_inputs < 2:
            raise ValueError("two inputs at least")
        return super().build(parts)


@frozen
class OwnTimestep(FeedForward):
    """A layer that keeps to a timestep of 1 ms."""

    def build(self, parts):
        return replace(super().build(parts), timestep_ms=1.0)


@frozen
class BuildsNothing(Architecture):
    """No network."""

    def build(self, parts):
        return None


@frozen
class OneOutput(FeedForward):
    """One output neuron too many."""

    def build(self, parts):
        spec = super().build(parts)
        source, actor = spec.populations
        return replace(
            spec, populations=(source, replace(actor, size=actor.size + 1, modules=None))
        )


@frozen
class OneInput(FeedForward):
    """One input neuron too many."""

    def build(self, parts):
        spec = super().build(parts)
        source, actor = spec.populations
        return replace(spec, populations=(replace(source, size=source.size + 1), actor))


@frozen
class Shuffled(FeedForward):
    """Output neurons in another order than decoders read them."""

    def build(self, parts):
        spec = super().build(parts)
        source, actor = spec.populations
        return replace(spec, populations=(source, replace(actor, modules=actor.modules[::-1])))


@frozen
class Whimsical(FeedForward):
    """Weights drawn from nowhere."""

    def build(self, parts):
        spec = super().build(parts)
        policy = spec.projections[0]
        weights = np.random.default_rng().uniform(1.0, 2.0, policy.n_synapses)
        return replace(spec, projections=(replace(policy, weights=weights),))


@frozen
class Exploding(FeedForward):
    """A neuron that is not finite."""

    def build(self, parts):
        spec = super().build(parts)
        policy = replace(
            spec.projections[0], weights=np.full(spec.projections[0].n_synapses, np.nan)
        )
        return replace(spec, projections=(policy,))


# Modulators


class Delivering(BoundModulator):
    def __init__(self, settings, n_replicas):
        self.settings, self.memory = settings, np.zeros(n_replicas)

    def on_outcome(self, outcome):
        self.memory = np.where(outcome.active, 0.5 * self.memory + outcome.rewards, self.memory)
        return self.settings.deliver(self, outcome)

    def reset(self, mask):
        self.settings.begin(self, mask)


@frozen
class SoundModulator(Modulator):
    """A leaky sum of rewards."""

    def bind(self, host):
        return Delivering(self, host.n_replicas)

    def deliver(self, bound, outcome):
        return bound.memory * outcome.active

    def begin(self, bound, mask):
        bound.memory[mask] = 0.0


@frozen
class DeliversToAll(SoundModulator):
    """A third factor for replicas that do not act."""

    def deliver(self, bound, outcome):
        return bound.memory + 1.0


@frozen
class DeliversNaN(SoundModulator):
    """A third factor that is no number."""

    def deliver(self, bound, outcome):
        return np.where(outcome.rewards > 0, np.nan, 0.0)


@frozen
class DeliversOne(SoundModulator):
    """One third factor for all."""

    def deliver(self, bound, outcome):
        return np.zeros(1)


@frozen
class DeliversToNeurons(SoundModulator):
    """More third factors than it says."""

    vectors = {"": 2}

    def deliver(self, bound, outcome):
        return ThirdFactor(np.zeros(4), {"": np.zeros((4, 3))})


@frozen
class Optimist(SoundModulator):
    """A leaky sum that calls itself a prediction."""

    predicts = True


@frozen
class NeverRests(SoundModulator):
    """A memory that fades while a replica rests."""

    def deliver(self, bound, outcome):
        bound.memory = 0.9 * bound.memory
        return bound.memory * outcome.active


@frozen
class Averages(SoundModulator):
    """The mean of all replicas."""

    def deliver(self, bound, outcome):
        return np.where(outcome.active, outcome.rewards.mean(), 0.0)


class Forgetful(Delivering):
    def state(self):
        return {}

    def restore(self, state):
        pass


@frozen
class HasNoState(SoundModulator):
    """A memory that is not saved."""

    def bind(self, host):
        return Forgetful(self, host.n_replicas)


@frozen
class ResetsAll(SoundModulator):
    """An episode's start that makes all replicas forget."""

    def begin(self, bound, mask):
        bound.memory = np.zeros_like(bound.memory) if mask.any() else bound.memory


@frozen
class WritesTheMask(SoundModulator):
    """A mask that is not the caller's any more."""

    def begin(self, bound, mask):
        mask[...] = False


# Learning signals


@frozen
class SoundSignal(RandomFeedback):
    """Random feedback."""


@frozen
class SignalsInfinity(RandomFeedback):
    """Feedback that is not finite."""

    def hidden(self, network, population, n_actions, seeds):
        shape = (network.replicas, network.spec.population(population).size)
        return lambda errors: np.full(shape, np.inf)


@frozen
class SignalsNothing(RandomFeedback):
    """Feedback for one neuron."""

    def hidden(self, network, population, n_actions, seeds):
        return lambda errors: np.zeros((network.replicas, 1))


@frozen
class SignalsChance(RandomFeedback):
    """Feedback that changes from call to call."""

    def hidden(self, network, population, n_actions, seeds):
        feedback = super().hidden(network, population, n_actions, seeds)
        return lambda errors: feedback(errors) * next(count)


@frozen
class SignalsIntoWeights(RandomFeedback):
    """Feedback that writes weights."""

    def hidden(self, network, population, n_actions, seeds):
        feedback = super().hidden(network, population, n_actions, seeds)

        def write(errors):
            network.replicated("policy.w")[...] = 0.0
            return feedback(errors)

        return write


@frozen
class SignalsWithoutGain(RandomFeedback):
    """Feedback whatever the gains are."""

    def hidden(self, network, population, n_actions, seeds):
        feedback = RandomFeedback().hidden(network, population, n_actions, seeds)
        return lambda errors: feedback(errors)


@frozen
class SignalsPolicyAsValue(RandomFeedback):
    """The policy's errors under the gain of the value."""

    def hidden(self, network, population, n_actions, seeds):
        size = network.spec.population(population).size
        return lambda errors: self.value_gain * np.repeat(errors[:, :1], size, axis=1)


@frozen
class SignalsOfAll(RandomFeedback):
    """The same feedback for every seed's replica, by its place."""

    def hidden(self, network, population, n_actions, seeds):
        places = range(len(seeds))
        return super().hidden(network, population, n_actions, places)


# Weight updates


@frozen
class SoundUpdate(WeightUpdate):
    """Half of every change."""

    apply = "w += 0.5*change"


@frozen
class UpdatesNothing(WeightUpdate):
    """No change at all."""

    apply = "w += 0*change"


@frozen
class UpdatesAnyway(WeightUpdate):
    """A drift beside the change."""

    apply = "w += change + 0.001"


@frozen
class UpdatesToNaN(WeightUpdate):
    """The logarithm of what is negative."""

    apply = "w += change*log(-1 - abs(change))"


# Schedules


@frozen
class SoundSchedule(Interval):
    """Equal steps."""


@frozen
class BeyondTheEnd(Interval):
    """More than the whole way."""

    def fractions(self, done, returns):
        return super().fractions(done, returns) + 0.9


@frozen
class OneForAll(Interval):
    """One fraction."""

    def fractions(self, done, returns):
        return super().fractions(done, returns)[:1]


@frozen
class Nowhere(Interval):
    """Fractions that are no numbers."""

    def fractions(self, done, returns):
        return np.full(done.shape, np.nan)


@frozen
class CountsCalls(Interval):
    """A fraction that follows the calls."""

    def fractions(self, done, returns):
        return np.full(done.shape, next(count) % 3 / 3)


@frozen
class WritesReturns(Interval):
    """Episodes that are not the caller's any more."""

    def fractions(self, done, returns):
        fractions = super().fractions(done, returns)
        done += 1
        return fractions


@frozen
class MeansOfAll(Interval):
    """One fraction for all."""

    memory = 1

    def fractions(self, done, returns):
        return np.full(done.shape, float(np.nan_to_num(returns).mean() > 0))


# Environments


class SoundEnvironment(Identity):
    """Repeat the symbol, twenty times."""

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return super().reset(seed=seed)

    def step(self, action):
        self.steps += 1
        answer = super().step(action)
        return *answer[:2], self.steps >= 20, *answer[3:]


class StartsOutside(Identity):
    """A first symbol that is none."""

    def reset(self, *, seed=None, options=None):
        return 5, super().reset(seed=seed)[1]


class Cheater(Identity):
    """Symbols drawn outside its generator."""

    def step(self, action):
        answer = super().step(action)
        return random.randrange(2), *answer[1:]


class Outside(Identity):
    """A symbol that is none."""

    def step(self, action):
        answer = super().step(action)
        return (2 if self.np_random.random() < 0.1 else answer[0]), *answer[1:]


class PaysWithText(Identity):
    """A reward that is no number."""

    def step(self, action):
        answer = super().step(action)
        return answer[0], "much", *answer[2:]


class PaysWithNaN(Identity):
    """A reward that is not finite."""

    def step(self, action):
        answer = super().step(action)
        return answer[0], float("nan"), *answer[2:]


class Unbounded(Identity):
    """Neither an end nor a limit."""

    def step(self, action):
        answer = super().step(action)
        return *answer[:2], False, False, {}


class Holder(Identity):
    """Pays by a counter of all copies, which nothing brings back."""

    steps = itertools.count()

    def step(self, action):
        answer = super().step(action)
        return answer[0], float(next(self.steps)), *answer[2:]


class InUnison(Identities):
    """All copies draw from the first one's generator."""

    def take(self, copy):
        super().take(copy)
        self._draws._next[copy] = self._draws._next[0]


class Chorus(Identity):
    """Its vector form shares a generator."""

    vector_form = InUnison


class Shapeless(Identity):
    """A space that nothing encodes."""

    def __init__(self):
        super().__init__()
        self.observation_space = gym.spaces.Text(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return "abc", {}


#: Kind -> check -> [(part, what the report says)].
BROKEN = {
    "encoder": {
        "contract": [(type("Bare", (SoundEncoder,), {}), "Bare must be decorated with")],
        "documentation": [
            (Undocumented, "expected a docstring whose first line"),
            (Unexplained, "expected a line 'gain : float, default ...'"),
        ],
        "round-trip": [(ForgetsItsType, "back from JSON")],
        "values": [
            (EncodesOutOfRange, r"Discrete\(5\): Encoding.encode: expected rates in"),
            (FitsNothing, "expected to be bound to a space of Box or Discrete, got: not this one"),
        ],
        "purity": [(EncodesNoise, "not pure")],
        "new-arrays": [(EncodesInPlace, "arrays must be new")],
        "replicas": [(EncodesTheBatch, "encoded differently alone")],
        "learning": [(EncodesAndLearns, "learn=True changed the values")],
    },
    "decoder": {
        "actions": [(DecidesOutside, "gave 10, not in Discrete")],
        "replay": [(DecidesByTheWay, "expected the same decisions again")],
        "replicas": [(DecidesTogether, "decides differently alone")],
        "ties": [(DecidesByIndex, "never win a tie")],
    },
    "neuron": {
        "documentation": [(BadDefault, "docstring and fields disagree")],
        "contract": [(UnknownName, "UnknownName.reset, line 1, column 5: unknown name 'v_rset'")],
        "simulation": [(Restless, "Restless spikes without input")],
        "psp-area": [
            (
                HoldsConductances,
                r"expected an error of at most 5.00% \(largest_psp_error\), got \+9.\d+% at 1 ms "
                r"and \+4.\d+% at 0.5 ms .* integrate exactly .* declare largest_psp_error = 0.1",
            ),
            (PulseOfAStep, r"an error that shrinks with the timestep, got \+9\d\d.* at 1 ms"),
            (Unmoved, "expected input that moves 'v', got none; name in `membrane`"),
            (NamelessMembrane, "expected a variable 'v' .* got none. Name one in `membrane`: u"),
            (
                PerStepOnPaper,
                r"\(largest_psp_error = inf\), got one that converges, .* size such as",
            ),
            (ForwardEuler, r"expected an error of at most 1.00%"),
        ],
        "rate": [
            (PromisesTooMuch, r"at most 1.00% \(largest_rate_error\), got -3.\d+% at 1 ms"),
            (
                DriftsByTheStep,
                "an error that shrinks with the timestep, .* largest_rate_error = inf",
            ),
            (PerStepOnPaper, r"\(largest_rate_error = inf\), got one that converges"),
            (NeverRises, "rates that rise above 20 Hz by some drives of `bias_mv`, got 0 to 0 Hz"),
        ],
    },
    "model": {
        "builds": [
            (NeedsTwoInputs, "1 inputs, 2 actions: two inputs at least"),
            (OwnTimestep, "expected a timestep of 0.5 ms, got 1.0 ms"),
            (BuildsNothing, "expected a NetworkSpec, got NoneType"),
        ],
        "sizes": [
            (OneOutput, "expected 10 output neurons for each action, got 21"),
            (OneInput, "expected as many input neurons, got 2"),
            (Shuffled, "action by action"),
        ],
        "repeats": [(Whimsical, "expected the same network again")],
        "window": [(Exploding, "expected policy.w within its bounds|became NaN")],
    },
    "modulator": {
        "vectors": [
            (DeliversOne, r"expected a scalar of shape \(4,\), got \(1,\)"),
            (DeliversToNeurons, r"the vectors that it declares, \{'': 2\}, got \{'': \(3,\)\}"),
        ],
        "finite": [
            (DeliversToAll, "expected third factor 0 for replicas that are not active"),
            (DeliversNaN, "expected finite third factors"),
        ],
        "constant-reward": [(Optimist, "below 0.01 after 5000 rewards of 1, got 2")],
        "inactive": [(NeverRests, "takes no part in to change nothing")],
        "replicas": [(Averages, "expected the third factors of replica 0 alone")],
        "state": [(HasNoState, r"after restore\(state\(\)\) of the same modulator")],
        "reset": [
            (ResetsAll, "expected replicas outside the mask to go on"),
            (WritesTheMask, "expected the mask unchanged"),
        ],
    },
    "learning-signal": {
        "finite": [
            (SignalsInfinity, "expected finite signals, got inf"),
            (SignalsNothing, r"expected shape \(3, 5\), got \(3, 1\)"),
        ],
        "purity": [
            (SignalsChance, "expected the same signals for the same errors"),
            (SignalsIntoWeights, "expected the network's weights unchanged"),
        ],
        "gains": [
            (SignalsWithoutGain, "expected zeros with policy_gain = value_gain = 0"),
            (SignalsPolicyAsValue, "ignore the policy's errors with policy_gain = 0"),
        ],
        "replicas": [(SignalsOfAll, "expected the signals of replica 1 alone")],
    },
    "update": {
        "moves": [(UpdatesNothing, "expected weights that change")],
        "zero-change": [(UpdatesAnyway, "expected bitwise unchanged weights for change = 0")],
        "bounds": [(UpdatesToNaN, "expected finite weights")],
    },
    "schedule": {
        "bounds": [
            (BeyondTheEnd, r"expected fractions from 0 to 1, got .*1\.\d"),
            (OneForAll, r"expected fractions of shape \(3,\), got \(1,\)"),
            (Nowhere, r"expected fractions from 0 to 1, got \[nan nan nan\]"),
        ],
        "purity": [
            (CountsCalls, "expected the same fractions for the same episodes"),
            (WritesReturns, "expected its arguments unchanged"),
        ],
        "replicas": [(MeansOfAll, "for replica ., as alone")],
    },
    "env": {
        "gymnasium-check": [(StartsOutside, "observation")],
        "spaces": [(Shapeless, "observation space Text")],
        "observations": [(Outside, r"expected observations in Discrete\(2\), got 2")],
        "rewards": [
            (PaysWithText, "expected a finite number as reward, got 'much'"),
            (PaysWithNaN, "expected a finite number as reward, got nan"),
        ],
        "twins": [(Cheater, "expected equal observations of seeded twins")],
        "ends": [(Unbounded, "expected an end within 10000 steps, or a time limit")],
        "state": [(Holder, "expected a way back to within an episode, got none")],
        "together": [(Chorus, r"expected copy 0 as it is alone, got another step \d")],
    },
}
SOUND = {
    "encoder": SoundEncoder,
    "decoder": SoundDecoder,
    "neuron": LIF,
    "model": SoundModel,
    "modulator": SoundModulator,
    "learning-signal": SoundSignal,
    "update": SoundUpdate,
    "schedule": SoundSchedule,
    "env": SoundEnvironment,
}
