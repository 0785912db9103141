"""Vector form of Gymnasium's CartPole: the dynamics of its vector environment and nothing else."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv, CartPoleVectorEnv
from numpy.typing import NDArray

from threefactor.envs.vector_form import Answers, VectorForm, none_of


class CartPoles(VectorForm):
    """CartPole-v0 and -v1, many at once.

    Gymnasium's `CartPoleVectorEnv` draws all start states from one generator and resets what has
    ended by itself in the next step. Its step is a function of state and action otherwise, the same
    as that of the single environment, so here it gets the states that single environments have
    drawn, and is made to forget who has ended.
    """

    def __init__(self, environments: Sequence[CartPoleEnv]) -> None:
        self._environments = environments
        dynamics = CartPoleVectorEnv(
            len(environments), sutton_barto_reward=environments[0]._sutton_barto_reward
        )
        self._dynamics = cast(Any, dynamics)  # its state is declared as None
        self._dynamics.state = np.zeros((4, len(environments)))

    def take(self, copy: int) -> None:
        """Take over the state, (position, velocity, angle, angular velocity)."""
        self._dynamics.state[:, copy] = self._environments[copy].state

    def step(self, actions: NDArray[np.int_], copies: NDArray[np.int_]) -> Answers:
        """Push the carts; see `VectorForm.step`."""
        dynamics, before = self._dynamics, self._dynamics.state
        pushes = np.zeros(dynamics.num_envs, actions.dtype)
        pushes[copies] = actions
        dynamics.prev_done.fill(False)
        dynamics.steps.fill(0)
        observations, rewards, terminated, _, _ = dynamics.step(pushes)
        before[:, copies] = dynamics.state[:, copies]
        dynamics.state = before
        return Answers(
            observations[copies], rewards[copies].astype(np.float64), terminated[copies],
            none_of(copies),
        )  # fmt: skip

    def give_back(self) -> None:
        """Write the states."""
        for environment, state in zip(self._environments, self._dynamics.state.T, strict=True):
            environment.state = state.copy()
