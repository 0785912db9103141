"""What a decision costs beside the network and the environment, part by part.

python benchmarks/decision.py [--replicas R] [--repeats N] [--budget ROUNDS]

In the CartPole loop of `networks`. The compiled network stands still and, at one replica, the
environment gives the same answer again and again; then each part is timed alone, so that the
times are those of Python and NumPy.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import checkout  # noqa: F401
import numpy as np
from networks import CARTPOLE

#: Calls in a row that are timed together.
CALLS = 50


def open_loop(replicas: int) -> Any:
    """Return the closed loop after some decisions, with its network at a standstill."""
    from threefactor.experiments.configuration import resolve
    from threefactor.experiments.training.setup import Setup

    config = resolve({**CARTPOLE, "replicas": replicas, "engine": "compiled"})
    setup = Setup.of(config)
    environments = setup.open_environments()
    loop = setup.begin_loop(environments, setup.build_agent(environments), config.options.episodes)
    for _ in range(100):
        loop.decide()
    engine = loop.agent.network.engine
    engine._advance = lambda steps, chunk: None
    engine._run_block = lambda block: None
    if replicas == 1:
        answer = (environments.observations[0], 1.0, False, False, {})
        environments._envs[0].step = lambda action: answer
    return loop


def parts_of(loop: Any) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by name."""
    agent, environments, tally = loop.agent, loop.environments, loop.tally
    observations, involved = environments.observations, tally.involved
    actions = agent.act(observations, involved)
    outcome = environments.step(actions)
    # Untied: a tie is drawn, and a network that stands still would tie in every decision.
    counts = np.arange(agent._counts.size, dtype=float).reshape(agent._counts.shape)
    return {
        "act": lambda: agent.act(observations, involved),
        "  encode": lambda: agent.encoder.encode(observations, agent._encoded, learn=True),
        "  decode": lambda: agent.decoder.decode(counts),
        "step": lambda: environments.step(actions),
        "learn": lambda: agent.learn(outcome, involved),
        "count": lambda: tally.count(outcome),
        "close": lambda: tally.close(outcome, agent.needs_bootstrap),
        "decision": loop.decide,
    }


def time_us(part: Callable[[], Any], rounds: int) -> float:
    """Return the 5 % quantile over rounds of `CALLS` calls, microseconds per call."""
    times = np.empty(rounds)
    for k in range(rounds):
        start = time.perf_counter()
        for _ in range(CALLS):
            part()
        times[k] = time.perf_counter() - start
    return float(np.quantile(times, 0.05)) * 1e6 / CALLS


def main() -> None:
    """Print the least of each part over the repeats."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--budget", type=int, default=400, help="rounds of each part")
    options = parser.parse_args()
    parts = parts_of(open_loop(options.replicas))
    for name, part in parts.items():
        least = min(time_us(part, options.budget) for _ in range(options.repeats))
        print(f"{name:12s}{least:8.2f} us", flush=True)


if __name__ == "__main__":
    main()
