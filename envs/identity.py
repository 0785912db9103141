"""Identity: the smallest task in which a reward can teach anything."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.vector_form import Answers, UniformDraws, VectorForm, none_of


class Identities(VectorForm):
    """Identity, many at once."""

    def __init__(self, environments: Sequence["Identity"]) -> None:
        self._environments, self._n_symbols = environments, environments[0].n_symbols
        self._symbols = np.zeros(len(environments), dtype=np.int64)
        self._draws = UniformDraws(environments)

    def take(self, copy: int) -> None:
        """Take over the symbol."""
        self._draws.take(copy)
        self._symbols[copy] = self._environments[copy]._symbol

    def step(self, actions: NDArray[np.int_], copies: NDArray[np.int_]) -> Answers:
        """Pay and show the next symbols; see `VectorForm.step`."""
        rewards = (actions == self._symbols[copies]).astype(np.float64)
        draws = self._draws.of(copies)
        symbols = (draws * self._n_symbols).astype(np.int64)
        self._symbols[copies] = symbols
        return Answers(symbols, rewards, none_of(copies), none_of(copies))

    def give_back(self) -> None:
        """Write the symbols."""
        for environment, symbol in zip(self._environments, self._symbols.tolist(), strict=True):
            environment._symbol = symbol


class Identity(gym.Env):
    """Identity-v0: repeat the symbol just seen and be paid for it.

    ## Description
    A random symbol is shown at every step. Each step is a one-step decision of its own: no
    action changes what is shown next, so a rule that cannot learn this cannot learn anything.

    ## Action space
    `Discrete(n_symbols)`: the symbol to say.

    ## Observation space
    `Discrete(n_symbols)`: the symbol shown, uniform and independent at every step.

    ## Rewards
    1 if the action equals the symbol that was shown when it was chosen, else 0. The best return
    is the episode length, a random agent earns `1 / n_symbols` of it.

    ## Starting state
    A uniformly random symbol.

    ## Episode end
    Never terminated; truncated by the time limit, 100 steps unless `max_episode_steps` is given
    to `gymnasium.make`. (The time limit is the only length, so that truncation stays truncation.)

    ## Arguments

    | argument | type | default | meaning |
    |---|---|---|---|
    | `n_symbols` | int | 2 | number of symbols, >= 2 |

    Source: the task of the same name in the tests of Stable-Baselines3.
    """

    metadata = {"render_modes": []}
    vector_form = Identities

    def __init__(self, n_symbols: int = 2, render_mode: str | None = None):
        if n_symbols < 2:
            raise ValueError(f"Identity.n_symbols must be >= 2, got {n_symbols}.")
        if render_mode is not None:
            raise ValueError(f"Identity.render_mode: nothing to draw, got {render_mode!r}.")
        self.n_symbols = int(n_symbols)
        self.render_mode = None
        self.observation_space = gym.spaces.Discrete(self.n_symbols)
        self.action_space = gym.spaces.Discrete(self.n_symbols)
        self._symbol = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Show a first symbol."""
        super().reset(seed=seed)
        self._symbol = int(self.np_random.random() * self.n_symbols)
        return self._symbol, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Pay for the symbol said and show the next one."""
        reward = 1.0 if action == self._symbol else 0.0
        self._symbol = int(self.np_random.random() * self.n_symbols)
        return self._symbol, reward, False, False, {}
