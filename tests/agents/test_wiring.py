"""What the parts of a plastic agent must agree on; nothing hangs on what populations are called."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from threefactor.experiments.checks.models import small_parts
from threefactor.experiments.configuration import resolve
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.setup import Setup
from threefactor.models import MODELS, Architecture
from threefactor.models.specification import NetworkSpec, Population
from threefactor.rules import Rule

AGENT = {
    "env": "Identity-v0", "max_episode_steps": 6, "episodes": 3, "window_ms": 10.0, "seed": 2,
    "encoder": {"name": "one-hot", "rate_max_hz": 600.0},
    "model": {
        "name": "actor-critic", "neurons_per_action": 3, "critic_neurons": 4, "w_init_low": 4.0,
        "w_init_high": 8.0, "w_max": 20.0, "critic_w_init": 4.0,
    },
    "rule": {"name": "reinforce", "learning_rate": 0.5}, "critic_rule": {"learning_rate": 0.2},
    "modulator": "td",
}  # fmt: skip


@dataclass(frozen=True)
class Renamed(Architecture):
    """The actor and the critic under names of their own; the output has no first spike times."""

    is_timed: bool = True

    def build(self, parts):
        eyes, hands = self.input_population(parts, "eyes"), self.actor(parts, "hands")
        hands = hands if self.is_timed else replace(hands, times_first_spike=False)
        judge = Population("judge", 4, parts.critic_neuron)
        grip = self.plastic("grip", eyes, hands, parts.rule, parts.update)
        verdict = self.plastic("verdict", eyes, judge, parts.critic_rule, parts.update)
        return NetworkSpec(
            (judge, hands, eyes), (verdict, grip, *self.lateral(hands)), input="eyes",
            output="hands", critic="judge", timestep_ms=parts.timestep_ms,
        )  # fmt: skip


def renamed(settings, **model):
    """Return the setup of these settings with the renamed architecture."""
    setup = Setup.of(resolve({**settings, "decoder": "first-to-spike"}))
    model = Renamed(3, 4.0, 8.0, w_max=20.0, lateral_weight=-1.0, **model)
    return replace(setup, parts=replace(setup.parts, model=model))


@pytest.mark.parametrize(
    ("rule", "neuron"),
    [("reinforce-sign", "escape-lif"), ("eprop-reward", "adaptive-lif"), ("rstdp", "lif")],
)
def test_names_of_populations_are_free(rule, neuron):
    setup = renamed({**AGENT, "rule": {"name": rule, "learning_rate": 0.5}, "neuron": neuron})
    with setup.opened() as (environments, agent):
        start, spec = agent.weights(), agent.network.spec
        assert [p.name for p in spec.populations if p.times_first_spike] == ["hands"]
        assert agent.recordables().populations == {"judge": 4, "hands": 6, "eyes": 2}
        seeds = [seed.env for seed in setup.seeds]
        ClosedLoop.begin(agent, environments, 3, seeds, []).run()
        assert agent.network.values().shape == (1,)
        moved = {name for name, w in agent.weights().items() if np.any(w != start[name])}
        assert moved == {"grip", "verdict"}


def test_an_output_without_first_spike_times_cannot_be_read_by_them():
    with pytest.raises(
        ValueError, match=r"decoder FirstToSpike: expected first spike times of 'hands'"
    ):
        renamed(AGENT, is_timed=False).opened().__enter__()


@pytest.mark.parametrize("weights", [[1.0, -1.0] * 3, [0.3, -1.2, 0.1, -0.9, -2.0, 0.4]])
def test_feedback_teaches_the_critic_what_the_scalar_does(weights, open_loop, run_loop):
    """The actor rests, so that both agents live through the same episodes."""
    scalar = {**AGENT, "rule": {"name": "reinforce", "learning_rate": 0.0}}
    feedback = {"name": "feedback", "wraps": "td", "weights": weights}
    start = open_loop(scalar).agent.weights()["value"]
    one, other = (
        run_loop(open_loop({**scalar, "modulator": modulator})).agent.weights()["value"]
        for modulator in ("td", feedback)
    )
    assert np.any(one != start)
    np.testing.assert_array_equal(one, other)


def test_feedback_weights_reach_the_neurons_they_are_for(open_loop):
    weights = [1.0, -2.0, 0.0, 3.0, -1.0, 0.5]
    settings = {"name": "feedback", "wraps": "td", "weights": weights}
    loop = open_loop({**AGENT, "modulator": settings}, replicas=2, control="shuffled")
    network = loop.agent.network
    seen = False
    for _ in range(6):
        loop.decide()
        scalar = network.replicated("critic.third_factor")[:, :1]
        np.testing.assert_array_equal(
            network.replicated("actor.third_factor"), scalar * np.array(weights)
        )
        seen |= bool(np.all(scalar))
    assert seen


@dataclass(frozen=True)
class Waiting(Rule):
    post_equations = "focus : 1"
    consolidate = "w += learning_rate*third_factor*focus"
    host_writes = {"focus": "attention"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modulator": {"name": "feedback", "n_post": 5}}, r"of 'actor': expected .* its 6 .* 5"),
        (
            {"modulator": {"name": "feedback", "population": "crictic"}},
            r"Unknown population 'crictic'. Did you mean 'critic'",
        ),
        ({"modulator": {"name": "feedback", "population": "input"}}, r"these do: actor, critic"),
        (
            {"model": {"name": "layered", "neurons_per_action": 3}, "rule": "reinforce-sign",
             "modulator": "reward"},
            r"population 'hidden' does not say which actions its neurons stand for",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_when_the_agent_is_built(changes, message, open_loop):
    with pytest.raises(ValueError, match=message):
        open_loop({**AGENT, **changes})


def test_a_signal_that_nobody_sends_is_refused():
    setup = Setup.of(resolve(AGENT))
    setup = replace(setup, parts=replace(setup.parts, rule=Waiting()))
    with pytest.raises(ValueError, match=r"signal 'attention': a rule at 'actor' waits for it"):
        setup.opened().__enter__()


@pytest.mark.parametrize("name", MODELS)
def test_models_of_the_library_do_not_lean_on_default_names(name):
    kind = MODELS[name]

    class Named(kind):
        def input_population(self, parts, name="eyes"):
            return super().input_population(parts, name)

        def actor(self, parts, name="hands"):
            return super().actor(parts, name)

    model = Named(lateral_weight=-1.0)
    spec = model.build(small_parts(model))
    assert (spec.input, spec.output) == ("eyes", "hands")
    assert not {"input", "actor"} & {p.name for p in spec.populations}
