"""Policy gradient of escape-noise neurons with an online eligibility, and its Hebbian relatives."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule
from threefactor.search_range import searched


@dataclass(frozen=True)
class RMax(Rule):
    """R-max: the score of escape noise, low-pass filtered, times the third factor.

    Equations
    ---------
    d eligibility/dt = -eligibility/tau_eligibility
    each timestep: eligibility <- eligibility + score*sensitivity     (Y - rho)*PSP/Delta_u in [1]
    decision: trace <- eligibility
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    ``score`` (d log P(z) / d drive, z the neuron's own spike indicator) and ``sensitivity``
    (d drive / dw) are exposed by stochastic neuron models.

    Parameters
    ----------
    learning_rate : float, default 0.1
        Scale of every weight change, in units of the weight, >= 0.
    tau_eligibility_ms : float, default 500.0
        Decay of the eligibility, ms, > 0; beyond the delay between a spike and its reward.

    State
    -----
    eligibility : (n_synapses,), 1/weight unit, zeroed at episode start
    trace : (n_synapses,), 1/weight unit, the eligibility at the end of the last closed window

    Limits
    ------
    The score has zero mean whatever the rate, so reward that does not depend on the spikes moves no
    weight on average. The filter biases the gradient of rewards that come later than
    tau_eligibility; `reinforce` does not filter.

    Source
    ------
    [1] Fremaux, Sprekeler & Gerstner 2010, J. Neurosci. 30:13326 (R-max); Xie & Seung 2004, Phys.
    Rev. E 69:041909 (e, for Poisson neurons); Pfister et al. 2006, Neural Comput. 18:1318. The
    discrete score is exact for p = 1 - exp(-rho*dt). The learning rate is not a published constant.
    """

    learning_rate: float = searched(0.1, 0.005, 500.0, is_log=True)
    tau_eligibility_ms: float = searched(500.0, 10.0, 1000.0, is_log=True)

    equations = """deligibility/dt = -eligibility/tau_eligibility : 1
    trace : 1"""
    each_step = "eligibility += score*sensitivity"
    at_decision = "trace = eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("score", "sensitivity")


@dataclass(frozen=True)
class HebbianBias(Rule):
    """From policy gradient to reward-modulated Hebb: how much of the expected spike is subtracted.

    Equations
    ---------
    d eligibility/dt = -eligibility/tau_eligibility
    each timestep: eligibility <- eligibility + (z - expected_share*p)*sensitivity
    decision: trace <- eligibility
    w <- clip(w + learning_rate*third_factor*trace, w_min, w_max)

    z is the postsynaptic spike indicator, p its probability in this timestep.

    Parameters
    ----------
    learning_rate : float, default 0.03
        Scale of every weight change, in units of the weight, >= 0.
    tau_eligibility_ms : float, default 500.0
        Decay of the eligibility, ms, > 0.
    expected_share : float, default 0.5
        Share of the expected spike that is subtracted (alpha in [1]): 1 is the policy gradient up
        to terms of p, 0 is reward-modulated Hebb.

    State
    -----
    eligibility : (n_synapses,), 1, zeroed at episode start
    trace : (n_synapses,), 1, the eligibility at the end of the last closed window

    Limits
    ------
    Below expected_share 1 the eligibility has a positive mean: unsupervised drift unless the third
    factor has mean zero. (z - p) is the score of a logistic neuron; for exponential escape noise
    the exact score is in `rmax`, equal to (z - p)/Delta_u for small p.

    Source
    ------
    [1] Vasilaki, Fremaux, Urbanczik, Senn & Gerstner 2009, PLoS Comput. Biol. 5:e1000586. The form
    is from memory; the learning rate and the default share are not published constants.
    """

    learning_rate: float = searched(0.03, 0.005, 500.0, is_log=True)
    tau_eligibility_ms: float = searched(500.0, 10.0, 1000.0, is_log=True)
    expected_share: float = 0.5

    equations = """deligibility/dt = -eligibility/tau_eligibility : 1
    trace : 1"""
    each_step = "eligibility += (z - expected_share*p)*sensitivity"
    at_decision = "trace = eligibility"
    consolidate = "w += learning_rate*third_factor*trace"
    requires = ("z", "p", "sensitivity")
