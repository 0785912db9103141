"""How fast Hover-v0 is, and how well it is flown: by nobody, by the guide, by the RAPTOR policy.

    python benchmarks/hover.py [--flights 256]

The tables of docs/hover.md. RAPTOR needs `pip install foundation-policy`, and is left out without.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import checkout  # noqa: F401
import numpy as np
from numpy.typing import NDArray
from report import markdown

from threefactor.envs.bridge.batch import Environments
from threefactor.envs.hover_guide import HoverGuide
from threefactor.envs.quadrotor import Quadrotor

#: Gives the actions of all flights for what they see and what was done last.
Pilot = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
TILTS_DEG, NOISE = (20, 45, 90), 0.2


class Guided:
    """The guide as a pilot."""

    def __init__(self, flights: int) -> None:
        self._guide, self._has_begun = HoverGuide(flights), False

    def __call__(self, seen: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
        """Return its actions."""
        if self._has_begun:
            self._guide.executed(before)
        self._has_begun = True
        return self._guide.act(seen)


def raptor(flights: int) -> Pilot:
    """Return the RAPTOR policy as a pilot, which sees its last actions as well."""
    from foundation_policy import Raptor

    policy = Raptor()
    policy.reset()
    return lambda seen, before: np.clip(policy.evaluate_step(np.hstack([seen, before])), -1, 1)


def nobody(flights: int) -> Pilot:
    """Return the hovering action with normal noise as a pilot."""
    generator, hover = np.random.default_rng(0), Quadrotor().hover_action
    return lambda seen, before: hover + NOISE * generator.standard_normal((flights, 4))


def fly(make: Callable[[int], Pilot], flights: int, **env_kwargs: Any) -> list[Any]:
    """Return full flights, mean return, mean and median steps, mean error at the end (mm)."""
    copies = Environments("Hover-v0", flights, env_kwargs=env_kwargs)
    pilot, seen = make(flights), copies.reset(range(flights))
    actions, returns = np.zeros((flights, 4), np.float32), np.zeros(flights)
    steps, lasted = np.zeros(flights), np.zeros(flights, bool)
    while copies.is_running.any():
        actions = pilot(seen, actions).astype(np.float32)
        outcome = copies.step(actions)
        seen, returns = outcome.next_observations, returns + outcome.rewards
        steps += outcome.acting
        lasted |= outcome.truncated & ~outcome.terminated
    errors = np.linalg.norm(seen[lasted, :3], axis=1)
    return [
        f"{lasted.sum()}/{flights}", f"{returns.mean():.0f}", f"{steps.mean():.0f}",
        f"{np.median(steps):.0f}", f"{1000 * errors.mean():.1f}" if lasted.any() else "",
    ]  # fmt: skip


def speed(copies: int, steps: int = 2000) -> float:
    """Return flown timesteps of all copies per second, the best of three."""
    drone, best = Quadrotor(), 0.0
    states = np.zeros((copies, 17))
    states[:, 3], states[:, 13:] = 1.0, drone.hover_rpm
    actions = np.full((copies, 4), drone.hover_action)
    states, actions = (states[0], actions[0]) if copies == 1 else (states, actions)
    for _ in range(3):
        moved, began = states, time.perf_counter()
        for _ in range(steps):
            moved = drone.step(moved, actions)
        best = max(best, steps * copies / (time.perf_counter() - began))
    return best


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flights", type=int, default=256)
    parser.add_argument("--steps", type=int, default=2000, help="timesteps that are timed")
    options = parser.parse_args()
    rows = [[str(n), f"{speed(n, options.steps):,.0f}"] for n in (1, 8, 64, 256)]
    print(markdown(["drones at once", "timesteps per second, all drones"], rows))
    pilots: dict[str, Callable[[int], Pilot]] = {"nobody": nobody, "guide": Guided}
    try:
        import foundation_policy  # noqa: F401

        pilots["RAPTOR"] = raptor
    except ImportError:
        print("RAPTOR is left out: pip install foundation-policy")
    head = ["pilot", "tilt up to (deg)", "coefficients", "full flights", "return", "steps",
            "median", "error at the end (mm)"]  # fmt: skip
    rows = [
        [name, str(tilt), coefficients,
         *fly(make, options.flights, start_tilt_deg=tilt, curriculum_fraction=fraction)]
        for name, make in pilots.items()
        for tilt in TILTS_DEG
        for coefficients, fraction in [("start", 0.0), ("end", 1.0)]
    ]  # fmt: skip
    print(markdown(head, rows))
    more = {"noise 1, disturbances 1": {"noise_factor": 1.0, "disturbance_factor": 1.0}}
    more |= {f"mass {factor}": {"mass_factor": factor} for factor in (0.8, 1.2)}
    rows = [
        [name, what, *fly(pilots[name], options.flights, **kwargs)]
        for name in ("guide", "RAPTOR")
        if name in pilots
        for what, kwargs in more.items()
    ]
    print(markdown(["pilot", "with", *head[3:]], rows))


if __name__ == "__main__":
    main()
