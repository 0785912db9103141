"""REINFORCE with every neuron as an agent."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class Reinforce(Rule):
    """REINFORCE: the score of the neuron's own spikes times the third factor (neuron as agent).

    Equations
    ---------
    each timestep: eligibility <- eligibility + score*sensitivity = d log P(z) / dw
    decision: trace <- trace_decay*trace + eligibility, eligibility <- 0
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    ``score`` (d log P(z) / d drive, z the neuron's own spike indicator) and ``sensitivity``
    (d drive / dw) are exposed by stochastic neuron models.

    Parameters
    ----------
    learning_rate : float, default 0.3
        Scale of every weight change, in units of the weight, >= 0.
    trace_decay : float, default 0.9
        What is left of the trace after one decision, 0 to 1: 0 credits one decision, 1 all
        decisions of the episode alike, gamma*lambda is TD(lambda).

    State
    -----
    eligibility : (n_synapses,), 1/weight unit, zeroed when the decision window closes
    trace : (n_synapses,), 1/weight unit, zeroed at episode start

    Limits
    ------
    An unbiased estimate of the policy gradient only if the bounds on w are not reached. Its
    variance grows with the number of neurons; a baseline or critic as modulator is advisable.

    Source
    ------
    Williams 1992, Mach. Learn. 8:229; Pfister et al. 2006, Neural Comput. 18:1318; Thomas 2011
    (coagent networks). The trace decays per decision, not per ms.
    """

    learning_rate: float = searched(0.3, 0.001, 10.0, is_log=True)
    trace_decay: float = searched(0.9, 0.0, 0.95)

    equations = """eligibility : 1
    trace : 1"""
    each_step = "eligibility += score*sensitivity"
    at_decision = "trace = trace_decay*trace + eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("score", "sensitivity")
    resets = {"eligibility": "decision"}
