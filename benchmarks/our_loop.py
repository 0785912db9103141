"""Worker: our closed loop, our network window by window, or CartPole alone.

python our_loop.py cartpole ENGINE | windows ENGINE MS | environment
"""

import itertools
import sys
from collections.abc import Callable

from networks import cartpole_loop, feed_forward, window_inputs
from pacing import Pacer


def run_cartpole(engine: str) -> None:
    """Run the agent of `networks.CARTPOLE`."""
    loop, pacer = cartpole_loop(engine), Pacer()
    while pacer.is_wanted():
        loop.decide()


def run_windows(engine: str, window_ms: str) -> None:
    """Advance 40 Poisson -> 20 LIF; rates and reward in, counts out, nothing else."""
    import numpy as np

    from threefactor.models.network import Network

    network, pacer = Network(feed_forward(40, 20), [0], [0], engine), Pacer()
    rates, rewards = window_inputs(40)
    inputs = itertools.cycle(zip(rates, np.split(rewards, len(rewards)), strict=True))
    total, steps = 0.0, int(window_ms)
    while pacer.is_wanted():
        rate, reward = next(inputs)
        total += network.advance(rate[None], steps)[0, 0]
        network.close_decision()
        network.consolidate(reward)


def run_environment() -> None:
    """Step CartPole-v1 with actions drawn beforehand; resets included."""
    import gymnasium
    import numpy as np

    env, pacer = gymnasium.make("CartPole-v1", disable_env_checker=True), Pacer()
    env.reset(seed=0)
    actions = itertools.cycle(np.random.default_rng(0).integers(0, 2, 1000).tolist())
    while pacer.is_wanted():
        _, _, terminated, truncated, _ = env.step(next(actions))
        if terminated or truncated:
            env.reset()


WORKS: dict[str, Callable[..., None]] = {
    "cartpole": run_cartpole,
    "windows": run_windows,
    "environment": run_environment,
}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])
