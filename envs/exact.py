"""Exact returns of the best policy and of random actions, where all that may happen is known.

So it is of GridWorld and of Gymnasium's `toy_text` worlds; Blackjack's chances are listed here.
"""

from dataclasses import dataclass, field
from functools import cache

import gymnasium as gym
import numpy as np
from gymnasium.envs.toy_text.blackjack import BlackjackEnv
from numpy.typing import NDArray

from threefactor.envs.gridworld import GridWorld

MOST_PROBABILITIES = 20_000_000
_ACE, _BUST, _STAND = 1, 21, 17


@dataclass(frozen=True)
class ExactReturns:
    """Expected returns of an episode."""

    optimum: float
    random: float


def exact_returns(env: gym.Env, steps: int | None) -> ExactReturns | None:
    """Return what the best policy and uniformly random actions earn; None where it is not known.

    Equations
    ---------
    V_0(s) = 0;  Q_k(s, a) = sum_s' p(s'|s, a) (r + (not terminated) V_(k-1)(s'))
    V_k(s) = max_a Q_k(s, a) or, of random actions, mean_a Q_k(s, a)
    return = sum_s p_start(s) V_steps(s)

    Parameters
    ----------
    env : gymnasium.Env
        Without wrappers. Of Gymnasium's are read `P` (state -> action -> list of probability, next
        state, reward, terminated) and `initial_state_distrib`; a GridWorld knows its own, without a
        time limit and discounted.
    steps : int or None
        Time limit, at which an episode is truncated: the best policy knows how much is left.
    """
    if isinstance(env, GridWorld):
        uniform = np.full((env.observation_space.n, env.action_space.n), 1 / env.action_space.n)
        return ExactReturns(env.optimal_return, float(env.policy_return(uniform)))
    chances = blackjack(env) if type(env) is BlackjackEnv else _listed(env)
    if chances is None or steps is None:
        return None
    best, mean = np.zeros(chances.n_states), np.zeros(chances.n_states)
    for _ in range(steps):
        better = chances.action_values(best).max(axis=1)
        meaner = chances.action_values(mean).mean(axis=1)
        if np.array_equal(better, best) and np.array_equal(meaner, mean):
            break
        best, mean = better, meaner
    return ExactReturns(float(chances.start @ best), float(chances.start @ mean))


@dataclass
class Chances:
    """What may happen: probabilities and rewards of every action in every state.

    Attributes
    ----------
    start : (n_states,)
    n_actions : int
    rewards : (n_states*n_actions,), expected
    goes_on : (n_states*n_actions, n_states), probability of a next state that is not terminal
    """

    start: NDArray[np.float64]
    n_actions: int
    rewards: NDArray[np.float64] = field(init=False)
    goes_on: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.rewards = np.zeros(self.n_states * self.n_actions)
        self.goes_on = np.zeros((self.n_states * self.n_actions, self.n_states))

    @property
    def n_states(self) -> int:
        """Number of states."""
        return len(self.start)

    def add(self, state: int, action: int, p: float, to: int, reward: float, is_end: bool) -> None:
        """Say that an action in a state may have this outcome."""
        row = state * self.n_actions + action
        self.rewards[row] += p * reward
        if not is_end:
            self.goes_on[row, to] += p

    def action_values(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return Q(s, a), (n_states, n_actions), where next states are worth `values`."""
        return (self.rewards + self.goes_on @ values).reshape(self.n_states, self.n_actions)


def _listed(env: gym.Env) -> Chances | None:
    """Return what the table of one of Gymnasium's environments says."""
    if not type(env).__module__.startswith("gymnasium."):
        return None  # a subclass may do something else than the table that it inherits
    table, start = getattr(env, "P", None), getattr(env, "initial_state_distrib", None)
    if table is None or start is None or getattr(env, "fickle_passenger", False):
        return None  # a fickle passenger's change of mind is not in Taxi's table
    if len(table) ** 2 * len(table[0]) > MOST_PROBABILITIES:
        return None
    chances = Chances(np.asarray(start, float), len(table[0]))
    for state, actions in table.items():
        for action, outcomes in actions.items():
            for p, to, reward, is_end in outcomes:
                chances.add(state, action, float(p), int(to), float(reward), bool(is_end))
    return chances


def blackjack(env: BlackjackEnv) -> Chances:
    """Return the chances of Blackjack from an infinite deck (Sutton & Barto 2018, example 5.1).

    A state is the player's sum (4 to 21), a usable ace, the dealer's card (1 to 10), and whether
    the hand is a natural: an ace and a ten, dealt at first.
    """
    cards = {card: (4 / 13 if card == 10 else 1 / 13) for card in range(1, 11)}
    hands = [
        (total, ace, natural) for total in range(4, 22) for ace in (0, 1) for natural in (0, 1)
    ]
    states = {
        (*hand, shown): number
        for number, (hand, shown) in enumerate((hand, shown) for hand in hands for shown in cards)
    }
    start = np.zeros(len(states))
    for first, p_first in cards.items():
        for second, p_second in cards.items():
            hand = _drawn(*_drawn(0, 0, first), second)
            natural = int({first, second} == {_ACE, 10})
            for shown, p_shown in cards.items():
                start[states[*hand, natural, shown]] += p_first * p_second * p_shown
    chances = Chances(start, n_actions=2)  # stick, hit
    for (total, ace, natural, shown), state in states.items():
        reward = sum(
            p * _stick(env, total, natural, dealer) for dealer, p in _dealer(shown).items()
        )
        chances.add(state, 0, 1.0, state, reward, True)
        for card, p in cards.items():
            hit, usable = _drawn(total, ace, card)
            is_bust = hit > _BUST
            to = state if is_bust else states[hit, usable, 0, shown]
            chances.add(state, 1, p, to, -1.0 if is_bust else 0.0, is_bust)
    return chances


def _drawn(total: int, ace: int, card: int) -> tuple[int, int]:
    """Return sum and usable ace of a hand after a card."""
    if card == _ACE and total + 11 <= _BUST:
        return total + 11, 1
    if ace and total + card > _BUST:
        return total + card - 10, 0
    return total + card, ace


def _stick(env: BlackjackEnv, total: int, natural: int, dealer: tuple[int, bool]) -> float:
    """Return the reward of drawing no more against the dealer's final hand."""
    final, is_natural = dealer
    won = float(np.sign(total - final))
    if not natural:
        return won
    if env.sab:
        return won if is_natural else 1.0
    return 1.5 if env.natural and won == 1.0 else won


@cache
def _dealer(shown: int) -> dict[tuple[int, bool], float]:
    """Return the probabilities of the dealer's final hands: sum (0: bust) and natural."""
    found: dict[tuple[int, bool], float] = {}

    def draw(total: int, ace: int, n_cards: int, p: float) -> None:
        if total >= _STAND:
            hand = (0 if total > _BUST else total, total == _BUST and n_cards == 2)
            found[hand] = found.get(hand, 0.0) + p
            return
        for card in range(1, 11):
            p_card = 4 / 13 if card == 10 else 1 / 13
            draw(*_drawn(total, ace, card), n_cards + 1, p * p_card)

    draw(*_drawn(0, 0, shown), 1, 1.0)
    return found
