"""Rule cards: what a plasticity rule does, measured; `rule_card` makes one."""

from experiments.rule_card.card import PANELS, Card, make_cards, rule_card
from experiments.rule_card.panel import Panel

__all__ = ["PANELS", "Card", "Panel", "make_cards", "rule_card"]
