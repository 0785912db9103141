"""Plasticity rules: reward -> third factor -> weights. `RULES` is the table of contents."""

if __name__ != "threefactor.rules":
    raise ImportError("this folder is threefactor.rules: import it by that name")


from threefactor.rules.clopath import VoltageSTDP
from threefactor.rules.contract import Rule
from threefactor.rules.dopamine_stdp import DopamineSTDP, KineticDopamineSTDP
from threefactor.rules.eprop import Eprop, RewardEprop
from threefactor.rules.hedonistic import HedonisticSynapse
from threefactor.rules.homeostatic_scaling import HomeostaticScaling
from threefactor.rules.inhibitory_stdp import InhibitorySTDP
from threefactor.rules.node_perturbation import ExploratoryHebb, NodePerturbation
from threefactor.rules.population_agreement import PopulationAgreement
from threefactor.rules.reinforce import Reinforce
from threefactor.rules.reinforce_sign import ReinforceSign
from threefactor.rules.rmax import HebbianBias, RMax
from threefactor.rules.rstdp import RewardModulatedSTDP
from threefactor.rules.rstdp_alpha import AlphaRewardModulatedSTDP
from threefactor.rules.rstdp_et import RewardModulatedSTDPWithEligibility
from threefactor.rules.stdp import NearestPairSTDP, PairSTDP
from threefactor.rules.td_action import ActionDelta
from threefactor.rules.td_critic import CriticDelta
from threefactor.rules.td_ltp import (
    ContinuousTemporalDifferenceLTP,
    TemporalDifferenceLTP,
    TemporalDifferenceSTDP,
)
from threefactor.rules.triplet_stdp import TripletSTDP

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
    "td-action": ActionDelta,
    "eprop": Eprop,
    "eprop-reward": RewardEprop,
    "node-perturbation": NodePerturbation,
    "exploratory-hebb": ExploratoryHebb,
    "hedonistic": HedonisticSynapse,
}
