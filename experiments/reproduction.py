"""Put a named experiment's claim to the test: every arm, every seed, a table and a verdict."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.statistics import bootstrap_interval
from experiments.config import resolve, suggest, tuned_layers
from experiments.registry import EXPERIMENTS, Experiment
from experiments.training import LAST, resume_agent, train_agent


def reproduce(
    name: str,
    out: Path | None = None,
    budget: float = 1.0,
    n_seeds: int | None = None,
    engine: str = "auto",
    say: Callable[[str], None] = print,
) -> bool:
    """Run every arm of an experiment, replicas in one network, and return whether all bars hold.

    Finished arms are not run again and interrupted ones are resumed, so calling this once more with
    the same `out` continues. Writes ``result.json`` beside the arms' run directories.

    Parameters
    ----------
    name : str
        Key of `experiments.registry.EXPERIMENTS`.
    budget : float, default 1.0
        Share of the episodes, for a quick look (the verdict then means nothing).
    n_seeds : int, optional
        Fewer or more seeds than the experiment's own.

    Raises
    ------
    ValueError
        For an unknown name or a budget that is not positive.
    """
    if name not in EXPERIMENTS:
        known = ", ".join(EXPERIMENTS)
        raise ValueError(
            f"Unknown experiment {name!r}.{suggest(name, EXPERIMENTS)} Known: {known}."
        )
    if not (math.isfinite(budget) and budget > 0):
        raise ValueError(f"budget must be > 0, got {budget}.")
    experiment, folder = EXPERIMENTS[name], out or Path("runs") / "reproduce" / name
    say(f"{name}: {experiment.claim}")
    scores = {}
    for arm in experiment.arms:
        say(f"- {arm}")
        path = folder / arm.replace(" ", "-")
        _run_arm(experiment, arm, path, budget, n_seeds or experiment.n_seeds, engine)
        scores[arm] = arm_scores(path, experiment.score)
    verdicts = {bar.text: bool(bar.holds(scores)) for bar in experiment.bars}
    say(table(experiment, scores, verdicts))
    result = {
        "experiment": name, "claim": experiment.claim, "budget": budget, "score": experiment.score,
        "first_seed": experiment.seed, "bars": verdicts,
        "scores": {arm: values.tolist() for arm, values in scores.items()},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    from analysis.report import plot_comparison

    paths = plot_comparison(
        {arm: [folder / arm.replace(" ", "-")] for arm in scores}, folder / name
    )
    say(f"figure: {paths[0]}")
    return all(verdicts.values())


def _run_arm(
    experiment: Experiment, arm: str, path: Path, budget: float, seeds: int, engine: str
) -> None:
    settings = {**experiment.settings, **experiment.arms[arm]}
    layers = [*tuned_layers(settings["env"], settings.get("rule")), settings]
    config = resolve(*layers)
    episodes = max(1, round(config.options.episodes * budget))
    own: dict[str, Any] = {
        "episodes": episodes, "replicas": seeds, "seed": experiment.seed, "engine": engine,
        "reference_episodes": 0, "weight_snapshots": 10, "record_episodes": 1,
    }  # fmt: skip
    config = resolve(*layers, own)
    if (path / "DONE").exists():
        return
    if (path / "checkpoints" / "latest.pickle").exists():
        resume_agent(path)
    elif path.exists() and any(path.iterdir()):
        raise ValueError(
            f"{path}: an unfinished run without a checkpoint; remove it and try again."
        )
    else:
        train_agent(config, path)


def arm_scores(path: Path, score: str) -> NDArray[np.float64]:
    """Return the mean score of the last 100 episodes of each replica of a run."""
    summary = json.loads((path / "summary.json").read_text())
    column = "length" if score == "length" else summary["metric"]
    by_replica: dict[int, list[float]] = {}
    with open(path / "episodes.csv", newline="") as file:
        for row in csv.DictReader(file):
            by_replica.setdefault(int(row["replica"]), []).append(float(row[column]))
    return np.array([np.mean(values[-LAST:]) for _, values in sorted(by_replica.items())])


def table(experiment: Experiment, scores: dict[str, NDArray], verdicts: dict[str, bool]) -> str:
    """Return scores with spread, and the verdict on each bar."""
    what = "steps per episode" if experiment.score == "length" else "return"
    lines = [f"{what}, mean of the last {LAST} episodes, seeds from {experiment.seed}:"]
    for arm, values in scores.items():
        _, low, high = bootstrap_interval(values, np.mean)
        each = " ".join(f"{value:.3f}" for value in values)
        lines.append(f"  {arm:24} {values.mean():8.3f}  [{low:.3f}, {high:.3f}]  {each}")
    lines += [f"  {'holds' if ok else 'FAILS'}: {text}" for text, ok in verdicts.items()]
    return "\n".join(lines)
