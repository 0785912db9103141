"""Input -> actor and spiking critic, whose TD error a neuron computes in continuous time."""

from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np

from threefactor.models.architectures.actor_critic import ActorCritic
from threefactor.models.architectures.contract import Parts
from threefactor.models.neurons.td_error import TDError
from threefactor.models.specification import (
    Modulation,
    NetworkSpec,
    Population,
    Projection,
    all_to_all,
)


@dataclass(frozen=True)
class TDActorCritic(ActorCritic):
    """An actor and a critic that learn from a TD neuron of the network, in every timestep.

    The TD neuron (`td-error`) hears the critic's spikes through a filter, and the reward in the
    last timestep of each decision; its TD error is the third factor of all synapses while it lasts.
    At a termination nothing more is expected, so that the last TD error is reward less value; after
    a truncation the last observation is shown for one more decision. The modulator says what reward
    it hears: `reward`. The rules move weights on a clock of their own: `td-ltp-continuous`.

    Parameters
    ----------
    value_gain : float, default 0.05
        Value of one critic spike per second, reward*s; of opponents, of the difference.
    value_offset : float, default 0.0
        Value of a silent critic, reward.
    tau_decay_ms, tau_rise_ms : float, default 200, 50
        Fall and rise of the filter of the critic's spikes, ms, > 0, not equal.
    tau_reward_ms : float, default 2000.0
        Time constant of the discount, ms, > 0: exp(-window/tau_reward) for a decision.
    silent_ms : float, default 300.0
        How long the TD neuron is silent when an episode starts, while its filter fills, ms, >= 0.

    Raises
    ------
    ValueError
        Beside those of `actor-critic`: for a rule that does not move weights in every timestep.

    Source
        Frémaux, Sprekeler & Gerstner 2013, PLoS Comput Biol 9:e1003024, eqs 11-18. There the value
        is 2 reward*s a spike, -40 for silence, tau_reward 4 s.
    """

    value_gain: float = 0.05
    value_offset: float = 0.0
    tau_decay_ms: float = 200.0
    tau_rise_ms: float = 50.0
    tau_reward_ms: float = 2000.0
    silent_ms: float = 300.0

    needs_weight_clock: ClassVar[bool] = True

    def build(self, parts: Parts) -> NetworkSpec:
        """Return the network of one agent."""
        for option, rule in (("rule", parts.rule), ("critic-rule", parts.critic_rule)):
            if rule.consolidation_period_ms != parts.timestep_ms:
                raise ValueError(
                    f"TDActorCritic: the TD error acts while it lasts, so expected a rule with "
                    f"weight_period_ms = {parts.timestep_ms:g}, the timestep, got "
                    f"{type(rule).__name__} with {rule.consolidation_period_ms or 'none'}; use "
                    f"--{option} td-ltp-continuous --{option}.weight-period-ms "
                    f"{parts.timestep_ms:g}."
                )
        spec = super().build(parts)
        td = Population("td", 1, self._neuron(), self.resets)
        critic = spec.population("critic")
        signs = np.ones(critic.size) if critic.valence is None else critic.valence
        n_positive = np.count_nonzero(signs > 0)
        readout = Projection(
            "readout", critic.name, td.name, **all_to_all(critic.size, 1),
            weights=signs / n_positive,
        )  # fmt: skip
        broadcasts = [
            Modulation(
                f"to_{target.name}", td.name, target.name, "td_error",
                **all_to_all(1, target.size), weights=weights,
            )
            for target, weights in ((critic, signs), (spec.population(spec.output), 1.0))
        ]  # fmt: skip
        return replace(
            spec, populations=(*spec.populations, td), projections=(*spec.projections, readout),
            modulations=tuple(broadcasts), critic=td.name,
        )  # fmt: skip

    def _neuron(self) -> TDError:
        """Return the TD neuron: its parameters have the same names here."""
        return TDError(**{f.name: getattr(self, f.name) for f in fields(TDError)})
