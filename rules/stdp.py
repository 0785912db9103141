"""Pair-based STDP, unsupervised: all pairs, nearest pairs."""

from dataclasses import dataclass

from threefactor.rules.contract import Rule


@dataclass(frozen=True)
class PairSTDP(Rule):
    """Pair-based additive STDP, all pairs, no third factor: weights move at the spikes.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,    + 1 at each presynaptic spike
    d post_trace/dt = -post_trace/tau_minus, + 1 at each postsynaptic spike
    presynaptic spike:  w <- clip(w - learning_rate*a_minus*post_trace, w_min, w_max)
    postsynaptic spike: w <- clip(w + learning_rate*a_plus*pre_trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.01
        Scale of every weight change, in units of the weight, >= 0.
    tau_plus_ms : float, default 20.0
        Decay of the presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 20.0
        Decay of the postsynaptic trace, ms, > 0.
    a_plus : float, default 1.0
        Potentiation of a pair at zero distance; negative for anti-Hebbian learning.
    a_minus : float, default 1.0
        Depression of a pair at zero distance; 1.05 in [1].

    State
    -----
    pre_trace : (n_pre,), 1, zeroed at episode start
    post_trace : (n_post,), 1, zeroed at episode start

    Limits
    ------
    With the default amplitudes depression and potentiation balance; [1] lets depression prevail
    (``a_minus = 1.05``), which keeps the rates of a neuron under uncorrelated inputs stable. Both
    spikes of a coincidence count, depression first: they cancel when ``a_plus == a_minus``. At a
    bound they need not, because each change is clipped by itself. Ignores every modulator.

    Source
    ------
    [1] Song, Miller & Abbott 2000, Nat. Neurosci. 3:919; all-to-all pairing and coincidences as
    in Florian 2007, eqs 2.7-2.8.
    """

    learning_rate: float = 0.01
    tau_plus_ms: float = 20.0
    tau_minus_ms: float = 20.0
    a_plus: float = 1.0
    a_minus: float = 1.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_plus : 1"
    pre_on_spike = "pre_trace += 1"
    post_equations = "dpost_trace/dt = -post_trace/tau_minus : 1"
    post_on_spike = "post_trace += 1"
    on_pre = "w = clip(w - learning_rate*a_minus*post_trace, w_min, w_max)"
    on_post = "w = clip(w + learning_rate*a_plus*pre_trace, w_min, w_max)"
    order = ("each_step", "pre_on_spike", "post_on_spike", "on_pre", "on_post")
    modulated = False
    linear = False


@dataclass(frozen=True)
class NearestPairSTDP(Rule):
    """Pair-based STDP between nearest neighbours only, no third factor.

    Equations
    ---------
    d pre_trace/dt = -pre_trace/tau_plus,    set to 1 at each presynaptic spike
    d post_trace/dt = -post_trace/tau_minus, set to 1 at each postsynaptic spike
    presynaptic spike:  w <- clip(w - learning_rate*a_minus*post_trace, w_min, w_max)
    postsynaptic spike: w <- clip(w + learning_rate*a_plus*pre_trace, w_min, w_max)

    Parameters
    ----------
    learning_rate : float, default 0.01
        Scale of every weight change, in units of the weight, >= 0.
    tau_plus_ms : float, default 20.0
        Decay of the presynaptic trace, ms, > 0.
    tau_minus_ms : float, default 20.0
        Decay of the postsynaptic trace, ms, > 0.
    a_plus : float, default 1.0
        Potentiation of a pair at zero distance; negative for anti-Hebbian learning.
    a_minus : float, default 1.0
        Depression of a pair at zero distance.

    State
    -----
    pre_trace : (n_pre,), 1, zeroed at episode start
    post_trace : (n_post,), 1, zeroed at episode start

    Limits
    ------
    Symmetric pairing: each spike is paired with the last spike of the other neuron, which may serve
    several pairs. Traces are read before the spikes of this timestep: coincident spikes do not pair
    with each other, only with older ones. Ignores every modulator.

    Source
    ------
    Morrison, Diesmann & Gerstner 2008, Biol. Cybern. 98:459, figure 7A (symmetric interpretation).
    """

    learning_rate: float = 0.01
    tau_plus_ms: float = 20.0
    tau_minus_ms: float = 20.0
    a_plus: float = 1.0
    a_minus: float = 1.0

    pre_equations = "dpre_trace/dt = -pre_trace/tau_plus : 1"
    pre_on_spike = "pre_trace = 1"
    post_equations = "dpost_trace/dt = -post_trace/tau_minus : 1"
    post_on_spike = "post_trace = 1"
    on_pre = "w = clip(w - learning_rate*a_minus*post_trace, w_min, w_max)"
    on_post = "w = clip(w + learning_rate*a_plus*pre_trace, w_min, w_max)"
    modulated = False
    linear = False
