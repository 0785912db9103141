"""Put a named experiment's claim to the test: every arm, every seed, a table and a verdict."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.statistics import bootstrap_interval
from threefactor.experiments.claims.arms import obtain_scores
from threefactor.experiments.claims.experiment import ArmRequest, Experiment, arm_folder
from threefactor.experiments.claims.registry import EXPERIMENTS
from threefactor.models.engine import ENGINES
from threefactor.naming import check_choice


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
    the same `out` continues. Writes ``result.json`` beside the arms' folders.

    Parameters
    ----------
    name : str
        Key of `experiments.claims.registry.EXPERIMENTS`.
    budget : float, default 1.0
        Share of the full length, for a quick look (the verdict then means nothing).
    n_seeds : int, optional
        Fewer or more seeds than the experiment's own.

    Raises
    ------
    ValueError
        For an unknown name or engine, a budget that is not positive or no seeds.
    """
    check_choice("experiment", name, EXPERIMENTS)
    if not (math.isfinite(budget) and budget > 0):
        raise ValueError(f"budget must be > 0, got {budget}.")
    if n_seeds is not None and n_seeds < 1:
        raise ValueError(f"seeds must be >= 1, got {n_seeds}.")
    check_choice("engine", engine, ENGINES)
    experiment, folder = EXPERIMENTS[name], out or Path("runs") / "reproduce" / name
    seeds = tuple(range(experiment.seed, experiment.seed + (n_seeds or experiment.n_seeds)))
    say(f"{name}: {experiment.claim}")
    scores = {}
    for arm in experiment.arms:
        say(f"- {arm}")
        request = ArmRequest(arm, arm_folder(folder, arm), seeds, budget, engine, say)
        try:
            scores[arm] = obtain_scores(experiment.run_arm, request)
        except KeyboardInterrupt:
            say("stopped before the verdict; the same command goes on from here")
            raise
    verdicts = {bar.text: bool(bar.holds(scores)) for bar in experiment.bars}
    say(table(experiment, scores, verdicts))
    result = {
        "experiment": name, "claim": experiment.claim, "budget": budget, "seeds": list(seeds),
        "score": experiment.score, "published": experiment.published, "bars": verdicts,
        "scores": {arm: values.tolist() for arm, values in scores.items()},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    if experiment.draw is not None:
        from threefactor.analysis.style import save_figure

        say(f"figure: {save_figure(experiment.draw(folder), folder / name)[0]}")
    if budget < 1:
        say("(a budget below 1 shows that it runs, not that the claim holds)")
    return all(verdicts.values())


def table(experiment: Experiment, scores: dict[str, NDArray], verdicts: dict[str, bool]) -> str:
    """Return scores with spread, and the verdict on each bar."""
    lines = [f"{experiment.score}; mean over seeds [95 % interval] each seed:"]
    for arm, values in scores.items():
        _, low, high = bootstrap_interval(values, np.mean)
        each = " ".join(f"{value:.3f}" for value in values)
        lines.append(f"  {arm:24} {values.mean():8.3f}  [{low:.3f}, {high:.3f}]  {each}")
    if experiment.published:
        lines.append(f"  {'published':24} {experiment.published}")
    lines += [f"  {'holds' if ok else 'FAILS'}: {text}" for text, ok in verdicts.items()]
    return "\n".join(lines)
