"""What a decision costs beside the network and the environment, part by part.

python benchmarks/decision.py [--replicas R ...]

In the CartPole loop of `networks`. The compiled network stands still and, at one replica, the
environment gives the same answer again and again; then each part is timed alone, so that the
times are those of Python and NumPy.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkout  # noqa: F401
import numpy as np
from networks import CARTPOLE
from report import machine, say

#: Calls in a row that are timed together.
CALLS = 50


def open_loop(replicas: int) -> Any:
    """Return the closed loop after some decisions, with its network at a standstill."""
    from threefactor.experiments.configuration import resolve
    from threefactor.experiments.training.setup import Setup

    config = resolve({**CARTPOLE, "replicas": replicas, "engine": "compiled"})
    setup = Setup.of(config)
    environments = setup.open_environments()
    loop: Any = setup.begin_loop(
        environments, setup.build_agent(environments), config.options.episodes
    )
    for _ in range(100):
        loop.decide()
    engine = loop.agent.network.engine
    engine._advance = lambda steps: None
    engine._run_block = lambda block: None
    if replicas == 1:
        answer: Any = (environments.observations[0], 1.0, False, False, {})
        environment: Any = environments._envs[0]
        environment.step = lambda action: answer
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


def measure(replicas: int, rounds: int, repeats: int) -> dict[str, list[float]]:
    """Return the microseconds of each part in every repeat."""
    say(f"a decision of {replicas} replica(s)")
    parts = parts_of(open_loop(replicas))
    return {name: [time_us(part, rounds) for _ in range(repeats)] for name, part in parts.items()}


def tables(found: dict) -> dict[str, str]:
    """Return the least time of each part, for every number of replicas, as a Markdown table."""
    columns = found["us"]
    head = [f"us, {replicas} replica(s)" for replicas in columns]
    lines = ["| part | " + " | ".join(head) + " |", "|---" * (1 + len(head)) + "|"]
    for name in next(iter(columns.values())):
        label = "**decision**" if name == "decision" else name.replace("  ", "&nbsp;&nbsp;")
        least = [f"{min(parts[name]):.2f}" for parts in columns.values()]
        lines.append(f"| {label} | {' | '.join(least)} |")
    return {"parts": "\n".join(lines)}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write everything measured to this file")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--budget", type=int, default=100, help="1: seconds; 100: a minute")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    found = {
        "machine": machine(), "budget": options.budget, "repeats": options.repeats,
        "us": {str(r): measure(r, options.budget, options.repeats) for r in options.replicas},
    }  # fmt: skip
    print(found["machine"])
    print(tables(found)["parts"])
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
