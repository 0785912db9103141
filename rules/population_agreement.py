"""Population learning with an individual reward for each neuron."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class PopulationAgreement(Rule):
    """Population REINFORCE: each neuron's reward has the sign of its agreement with the decision.

    Equations
    ---------
    d eligibility/dt = -eligibility/tau_eligibility,  d trace/dt = -trace/tau_eligibility
    each timestep: eligibility <- eligibility + score*sensitivity
    decision: trace <- trace + agreement*eligibility, eligibility <- 0
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    ``agreement`` is +1 for a neuron whose own activity agrees with the decision of the population
    and -1 for one that disagrees: with a reward minus its mean as third factor, a neuron that voted
    against a wrong decision is rewarded. Each window's eligibility keeps the sign of its own
    agreement while it decays.

    Parameters
    ----------
    learning_rate : float, default 0.1
        Scale of every weight change, in units of the weight, >= 0.
    tau_eligibility_ms : float, default 500.0
        Decay of the eligibility, ms, > 0.

    State
    -----
    agreement : (n_post,), 1, written by the agent between the choice of the action and the decision
        block, zeroed after it: a window without agreement is not credited
    eligibility : (n_synapses,), 1/weight unit, of the present window, zeroed when it closes
    trace : (n_synapses,), 1/weight unit, the signed sum over windows, zeroed at episode start

    Limits
    ------
    For decisions between two actions by a vote of many neurons; not a policy gradient of the
    population. The attenuation of learning once the vote is clear is left out.

    Source
    ------
    Urbanczik & Senn 2009, Nat. Neurosci. 12:250; the rule is from memory, tau_eligibility and the
    learning rate are not published constants. `reinforce-sign` is the same idea per decision.
    """

    learning_rate: float = searched(0.1, 0.005, 500.0, is_log=True)
    tau_eligibility_ms: float = searched(500.0, 10.0, 1000.0, is_log=True)

    post_equations = "agreement : 1"
    host_writes = {"agreement": "agreement"}
    equations = """deligibility/dt = -eligibility/tau_eligibility : 1
    dtrace/dt = -trace/tau_eligibility : 1"""
    each_step = "eligibility += score*sensitivity"
    at_decision = "trace += agreement*eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("score", "sensitivity")
    resets = {"agreement": "decision", "eligibility": "decision"}
