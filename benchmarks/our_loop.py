"""Worker: our closed loop, our network window by window, its engine alone, or CartPole alone.

python our_loop.py cartpole ENGINE [recorded] | windows ENGINE MS
python our_loop.py engine N_INPUTS N_OUTPUTS | environment
"""

import itertools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from networks import WINDOW_MS, cartpole_loop, feed_forward, window_inputs
from pacing import Pacer


def run_cartpole(engine: str, recorded: str = "") -> None:
    """Run the agent of `networks.CARTPOLE`, with every episode recorded or none."""
    with tempfile.TemporaryDirectory(prefix="recorded-") as name:
        loop = cartpole_loop(engine, Path(name) / "run" if recorded else None)
        pacer = Pacer()
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


def run_engine(n_inputs: str, n_outputs: str) -> None:
    """Advance the compiled engine of the network that `floor.cpp` has by hand."""
    from threefactor.models.network import Network

    network = Network(feed_forward(int(n_inputs), int(n_outputs)), [0], [0], "compiled")
    engine, told, pacer = network.engine, network.engine.array("input.rates"), Pacer()
    windows = itertools.cycle(window_inputs(int(n_inputs))[0])
    while pacer.is_wanted():
        told[:] = next(windows)
        engine.advance(WINDOW_MS)


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
    "engine": run_engine,
    "environment": run_environment,
}

if __name__ == "__main__":
    WORKS[sys.argv[1]](*sys.argv[2:])
