"""What the numbers of an observation and the choices of an action are called, for figures.

Gymnasium's spaces have no names. An environment may say them in its `metadata`, as
`observation_names` and `action_names`; those of others stand here, one line each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_CAR = ("position", "velocity")
#: Environment -> names of the observation's dimensions with their units, and of the actions.
NAMES: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "MountainCar-v0": (_CAR, ("push left", "no push", "push right")),
    "MountainCarContinuous-v0": (_CAR, ()),
    "CartPole-v1": (
        ("cart position (m)", "cart velocity (m/s)", "pole angle (rad)",
         "pole angular velocity (rad/s)"),
        ("push left", "push right"),
    ),
    "Acrobot-v1": (
        ("cos of angle 1", "sin of angle 1", "cos of angle 2", "sin of angle 2",
         "angular velocity 1 (rad/s)", "angular velocity 2 (rad/s)"),
        ("torque -1", "no torque", "torque +1"),
    ),
    "Pendulum-v1": (("cos of angle", "sin of angle", "angular velocity (rad/s)"), ()),
    "GridWorld-v0": (("cell",), ("up", "right", "down", "left")),
}  # fmt: skip


def observation_names(env_id: str, metadata: Mapping[str, Any], count: int) -> list[str]:
    """Return a name for each of `count` dimensions, "observation 2" where there is none."""
    known, _ = NAMES.get(env_id, ((), ()))
    return _named(metadata.get("observation_names", known), "observation", count, 0)


def action_names(env_id: str, metadata: Mapping[str, Any], count: int, first: int) -> list[str]:
    """Return a name for each of `count` actions from `first` on, "action 2" where there is none."""
    _, known = NAMES.get(env_id, ((), ()))
    return _named(metadata.get("action_names", known), "action", count, first)


def _named(known: Sequence[str], kind: str, count: int, first: int) -> list[str]:
    """Return the known names if they are as many as there are to be named."""
    if len(known) == count:
        return [str(name) for name in known]
    return [f"{kind} {first + number}" for number in range(count)]
