"""Copies of an environment stepped together, where it has a vector form (`envs.vector_form`)."""

from collections.abc import Sequence
from typing import Any, Self

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from gymnasium.wrappers import OrderEnforcing, TimeLimit
from numpy.typing import NDArray

from threefactor.envs.cartpole import CartPoles
from threefactor.envs.vector_form import Answers, VectorForm

#: Of Gymnasium's environments; those of other classes are named in the class, as `vector_form`.
VECTOR_FORMS: dict[type[gym.Env], type[VectorForm]] = {CartPoleEnv: CartPoles}
#: For fewer copies the overhead of arrays outweighs that of stepping them one by one.
FEWEST = 8


class Together:
    """A vector form and the time limits of its copies.

    Parameters
    ----------
    form : VectorForm
    limits : list of TimeLimit
        One for each copy, or none.
    """

    def __init__(self, form: VectorForm, limits: Sequence[TimeLimit]) -> None:
        self._form, self._limits = form, limits
        self._most_steps = limits[0]._max_episode_steps if limits else np.iinfo(np.int64).max
        self._steps = np.zeros(len(limits), dtype=np.int64)

    @classmethod
    def find(cls, environments: Sequence[gym.Env]) -> Self | None:
        """Return the vector form of these environments at work, or None if there is none.

        There is none where a wrapper does anything else than to count steps.
        """
        plain = [environment.unwrapped for environment in environments]
        kind = type(plain[0])
        form = vars(kind).get("vector_form") or VECTOR_FORMS.get(kind)
        wrappers = [_wrappers(environment) for environment in environments]
        limits = [w for of_copy in wrappers for w in of_copy if type(w) is TimeLimit]
        allowed = {(), (OrderEnforcing,), (TimeLimit,), (TimeLimit, OrderEnforcing)}
        if form is None or tuple(map(type, wrappers[0])) not in allowed:
            return None
        return cls(form(plain), limits)

    def take(self, copy: int) -> None:
        """Take over the state of a copy, which was reset or restored."""
        if self._limits:
            self._steps[copy] = self._limits[copy]._elapsed_steps or 0
        self._form.take(copy)

    def step(self, actions: NDArray[Any], copies: NDArray[np.int_]) -> Answers:
        """Step some of the copies; see `VectorForm.step`."""
        answers = self._form.step(actions, copies)
        if not self._limits:
            return answers
        self._steps[copies] += 1
        is_late = self._steps[copies] >= self._most_steps
        return answers._replace(truncated=answers.truncated | is_late)

    def give_back(self) -> None:
        """Write the state into the copies and their time limits."""
        self._form.give_back()
        for limit, steps in zip(self._limits, self._steps.tolist(), strict=False):
            vars(limit)["_elapsed_steps"] = steps  # declared as None


def _wrappers(environment: gym.Env) -> list[gym.Wrapper]:
    """List the wrappers from the outside in."""
    found = []
    while isinstance(environment, gym.Wrapper):
        found.append(environment)
        environment = environment.env
    return found
