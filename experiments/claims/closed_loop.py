"""Experiments that train an agent in an environment, arm by arm, as ordinary runs."""

import csv
import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threefactor.analysis.plausibility import Plausibility
from threefactor.experiments import interface
from threefactor.experiments.claims.arms import load_result
from threefactor.experiments.claims.experiment import (
    PERMUTED,
    RANDOM,
    SHUFFLED,
    TRAINED,
    TWIN,
    ArmRequest,
    ArmResult,
    Bar,
    Experiment,
    arm_folder,
)
from threefactor.experiments.configuration import RunConfig, read_settings, resolve
from threefactor.experiments.layers import configure
from threefactor.experiments.training.references import play_randomly
from threefactor.experiments.training.run_files import collect_files
from threefactor.experiments.training.setup import Setup
from threefactor.experiments.training.summary import LAST

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Arm -> settings that it changes. The twin never changes: 100 episodes say it all.
CONTROL_SETTINGS: dict[str, dict[str, Any]] = {
    TRAINED: {},
    TWIN: {"control": "frozen", "episodes": LAST},
    SHUFFLED: {"control": "shuffled"},
    PERMUTED: {"control": "permuted"},
}


def closed_loop_experiment(
    claim: str,
    settings: dict[str, Any],
    bars: tuple[Bar, ...],
    score: str = "metric",
    controls: tuple[str, ...] = (TWIN, SHUFFLED, PERMUTED, RANDOM),
    is_scheduled: bool = False,
) -> Experiment:
    """Return an experiment whose arms are training runs.

    Parameters
    ----------
    settings : dict
        Layer over the preset of the environment.
    score : {"metric", "length"}
        Averaged over the last 100 episodes of each seed: the environment's declared metric, or
        the number of decisions.
    controls : tuple of str
        Arms beside the agent itself: keys of `CONTROL_SETTINGS`, or `RANDOM`.
    is_scheduled : bool
        Whether a schedule moves a parameter that all replicas share: processes cannot share them.
    """
    text = "decisions per episode" if score == "length" else "return per episode"
    return Experiment(
        claim, partial(_run_arm, settings, score), f"{text}, mean of the last {LAST}", bars,
        arms=(TRAINED, *controls), draw=partial(_draw, score), describe=_describe,
        takes_workers=not is_scheduled,
        settings=settings,
    )  # fmt: skip


def _run_arm(settings: dict[str, Any], score: str, request: ArmRequest) -> ArmResult:
    if request.arm == RANDOM:
        return _run_random(settings, score, request)
    settings = {**settings, **CONTROL_SETTINGS[request.arm]}
    episodes = max(1, round(configure(settings).options.episodes * request.budget))
    own: dict[str, Any] = {
        "episodes": episodes, "replicas": len(request.seeds), "seed": request.seeds[0],
        "engine": request.engine, "reference_episodes": 0, "weight_snapshots": 10,
        "record_episodes": 1,
    }  # fmt: skip
    path, config = request.folder, configure(settings, own)
    if (path / "config.yaml").exists():
        _require_same_settings(path, config)
    if (path / "DONE").exists():
        result = None
    elif path.exists() and any(path.iterdir()):
        result = interface.resume(path)
    else:
        result = interface.train(config, out=path, workers=request.workers)
    if result is not None and result.summary["interrupted"]:
        raise KeyboardInterrupt
    return ArmResult(arm_scores(path, score), arrays=None)  # they lie in the run directory


def _run_random(settings: dict[str, Any], score: str, request: ArmRequest) -> ArmResult:
    """Play uniformly random actions, as many episodes as are averaged of the agents."""
    episodes, scores = max(1, round(LAST * request.budget)), []
    for seed in request.seeds:
        setup = Setup.of(configure(settings, {"seed": seed, "replicas": 1}))
        returns, lengths = zip(*play_randomly(setup, episodes), strict=True)
        scores.append(np.mean(lengths if score == "length" else returns))
    return ArmResult(np.array(scores))


def _require_same_settings(path: Path, config: RunConfig) -> None:
    """Raise ValueError if a run has other settings; engines give the same spikes."""
    saved = resolve(read_settings(path / "config.yaml"))
    same_engine = replace(saved.options, engine=config.options.engine)
    kept, asked = collect_files(replace(saved, options=same_engine)), collect_files(config)
    if (kept.settings, kept.contents) != (asked.settings, asked.contents):
        told = ", ".join(
            f"{name} {getattr(saved.options, name)} (asked for {getattr(config.options, name)})"
            for name in ("episodes", "replicas", "seed")
        )
        raise ValueError(f"{path} holds a run with other settings: {told}; choose another --out.")


def arm_scores(path: Path, score: str) -> NDArray[np.float64]:
    """Return the mean score of the last 100 episodes of each replica of a run."""
    summary = json.loads((path / "summary.json").read_text())
    column = "length" if score == "length" else summary["metric"]
    by_replica: dict[int, list[float]] = {}
    with open(path / "episodes.csv", newline="") as file:
        for row in csv.DictReader(file):
            by_replica.setdefault(int(row["replica"]), []).append(float(row[column]))
    return np.array([np.mean(values[-LAST:]) for _, values in sorted(by_replica.items())])


def _describe(folder: Path) -> dict[str, str]:
    """Return the agents' preset, how plausible they were, item by item, and how fast they ran."""
    run = arm_folder(folder, TRAINED)
    summary = json.loads((run / "summary.json").read_text())
    config = read_settings(run / "config.yaml")
    facts = {"preset": f"{config['preset']} ({config['env']}, {config['episodes']} episodes)"}
    if card := summary.get("plausibility"):
        plausibility = Plausibility.from_dict(card)
        facts["plausibility"] = plausibility.headline
        facts |= {
            item.name: f"{item.found} ({item.verdict}; {item.threshold})"
            for item in plausibility.items
            if item.holds is not None
        }
    return {**facts, "decisions per second": f"{summary['decisions_per_second']:.0f}"}


def _draw(score: str, folder: Path) -> "Figure":
    """Draw the curves of what is judged, of all arms; the random agent has none to draw."""
    from threefactor.analysis.report import compare_runs

    runs = {arm: [arm_folder(folder, arm)] for arm in CONTROL_SETTINGS}
    random = arm_folder(folder, RANDOM)
    return compare_runs(
        {arm: paths for arm, paths in runs.items() if paths[0].exists()},
        "length" if score == "length" else None,
        finals={RANDOM: load_result(random)["scores"]} if random.exists() else None,
    )
