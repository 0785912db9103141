"""Plasticity rules: reward -> third factor -> weights. `RULES` is the table of contents."""

from rules.contract import Rule, check_rule_class
from rules.dopamine_stdp import DopamineSTDP
from rules.loading import load_class
from rules.reinforce import Reinforce
from rules.reinforce_sign import ReinforceSign
from rules.rstdp import RewardModulatedSTDP
from rules.rstdp_et import RewardModulatedSTDPWithEligibility
from rules.stdp import PairSTDP
from rules.td_critic import CriticDelta

RULES: dict[str, type[Rule]] = {
    "stdp": PairSTDP,
    "rstdp": RewardModulatedSTDP,
    "rstdp-et": RewardModulatedSTDPWithEligibility,
    "dopamine-stdp": DopamineSTDP,
    "reinforce": Reinforce,
    "reinforce-sign": ReinforceSign,
    "td-critic": CriticDelta,
}


def load_rule(text: str) -> type[Rule]:
    """Return a checked rule class by registry name or ``path/to/file.py:ClassName``."""
    rule = load_class(text, RULES, Rule, "rule")
    check_rule_class(rule)
    return rule
