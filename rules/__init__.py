"""Plasticity rules: reward -> third factor -> weights. `RULES` is the table of contents."""

from rules.clopath import VoltageSTDP
from rules.contract import Rule, check_rule_class
from rules.dopamine_stdp import DopamineSTDP, KineticDopamineSTDP
from rules.eprop import Eprop, RewardEprop
from rules.hedonistic import HedonisticSynapse
from rules.homeostatic_scaling import HomeostaticScaling
from rules.inhibitory_stdp import InhibitorySTDP
from rules.loading import load_class
from rules.node_perturbation import ExploratoryHebb, NodePerturbation
from rules.population_agreement import PopulationAgreement
from rules.reinforce import Reinforce
from rules.reinforce_sign import ReinforceSign
from rules.rmax import HebbianBias, RMax
from rules.rstdp import RewardModulatedSTDP
from rules.rstdp_alpha import AlphaRewardModulatedSTDP
from rules.rstdp_et import RewardModulatedSTDPWithEligibility
from rules.stdp import NearestPairSTDP, PairSTDP
from rules.td_critic import CriticDelta
from rules.td_ltp import (
    ContinuousTemporalDifferenceLTP,
    TemporalDifferenceLTP,
    TemporalDifferenceSTDP,
)
from rules.triplet_stdp import TripletSTDP

RULES: dict[str, type[Rule]] = {
    "stdp": PairSTDP,
    "stdp-nearest": NearestPairSTDP,
    "stdp-triplet": TripletSTDP,
    "stdp-voltage": VoltageSTDP,
    "stdp-inhibitory": InhibitorySTDP,
    "homeostatic-scaling": HomeostaticScaling,
    "rstdp": RewardModulatedSTDP,
    "rstdp-et": RewardModulatedSTDPWithEligibility,
    "rstdp-alpha": AlphaRewardModulatedSTDP,
    "dopamine-stdp": DopamineSTDP,
    "dopamine-stdp-kinetic": KineticDopamineSTDP,
    "reinforce": Reinforce,
    "reinforce-sign": ReinforceSign,
    "rmax": RMax,
    "hebbian-bias": HebbianBias,
    "population-agreement": PopulationAgreement,
    "td-ltp": TemporalDifferenceLTP,
    "td-ltp-continuous": ContinuousTemporalDifferenceLTP,
    "td-stdp": TemporalDifferenceSTDP,
    "td-critic": CriticDelta,
    "eprop": Eprop,
    "eprop-reward": RewardEprop,
    "node-perturbation": NodePerturbation,
    "exploratory-hebb": ExploratoryHebb,
    "hedonistic": HedonisticSynapse,
}


def load_rule(text: str) -> type[Rule]:
    """Return a checked rule class by registry name or ``path/to/file.py:ClassName``."""
    rule = load_class(text, RULES, Rule, "rule")
    check_rule_class(rule)
    return rule
