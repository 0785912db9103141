"""REINFORCE with the action-consistency sign of spiking-agent networks."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class ReinforceSign(Rule):
    """REINFORCE times the agreement of each neuron with the executed action (spiking agents).

    Equations
    ---------
    each timestep: eligibility <- eligibility + score*sensitivity = d log P(z) / dw
    decision: trace <- trace_decay*trace + agreement*eligibility, eligibility <- 0
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    ``agreement`` (sigma_i in [1]) is +1 for a neuron that belongs to the module of the executed
    action and fired, or that does not belong to it and stayed silent, else -1.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Scale of every weight change, in units of the weight, >= 0.
    trace_decay : float, default 0.0
        What is left of the trace after one decision, 0 to 1; 0 is the published rule.

    State
    -----
    agreement : (n_post,), 1, written by the agent between the choice of the action and the decision
        block, zeroed after it: a window without agreement is not credited
    eligibility : (n_synapses,), 1/weight unit, zeroed when the decision window closes
    trace : (n_synapses,), 1/weight unit, zeroed at episode start

    Limits
    ------
    Not a policy gradient: the sign makes neurons of other modules learn the opposite of their own
    score. In GridWorld its mean over 50 episodes first passes 0.5, 0.75 and 0.9 after 209, 254 and
    296 episodes (medians of ten seeds), that of ``reinforce`` after 363, 438 and 556: 1.7 to 1.9
    times as many. (An independent program of another network found 3 to 4 times.)

    Source
    ------
    [1] Aenugu et al. 2019, arXiv 1910.06489; the sign follows the authors' gridworld code.
    """

    learning_rate: float = searched(0.01, 0.001, 10.0, is_log=True)
    trace_decay: float = searched(0.0, 0.0, 0.95)

    post_equations = "agreement : 1"
    host_writes = {"agreement": "agreement"}
    equations = """eligibility : 1
    trace : 1"""
    each_step = "eligibility += score*sensitivity"
    at_decision = "trace = trace_decay*trace + agreement*eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("score", "sensitivity")
    resets = {"eligibility": "decision", "agreement": "decision"}
