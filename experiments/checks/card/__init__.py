"""Rule cards: what a plasticity rule does, measured; `rule_card` makes one."""

from threefactor.experiments.checks.card.card import PANELS, Card, make_cards, rule_card
from threefactor.experiments.checks.card.panel import Panel

__all__ = ["PANELS", "Card", "Panel", "make_cards", "rule_card"]
