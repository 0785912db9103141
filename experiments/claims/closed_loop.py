"""Experiments that train an agent in an environment, arm by arm, as ordinary runs."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents import AGENTS
from threefactor.analysis.operations import Operations
from threefactor.analysis.plausibility import MEAN_RATE, Plausibility
from threefactor.analysis.run_data import Run
from threefactor.experiments import interface
from threefactor.experiments.claims.arms import load_result
from threefactor.experiments.claims.costs import (
    EFFECTIVE,
    LARGEST_RATE,
    SYNAPTIC_OPERATIONS,
    times_in_words,
    times_to_threshold,
)
from threefactor.experiments.claims.experiment import (
    PERMUTED,
    RANDOM,
    SHUFFLED,
    TRAINED,
    TWIN,
    ZERO,
    ArmRequest,
    ArmResult,
    Bar,
    Experiment,
    arm_folder,
)
from threefactor.experiments.configuration import (
    PARTS,
    RunConfig,
    part_settings,
    read_settings,
    resolve,
)
from threefactor.experiments.layers import configure
from threefactor.experiments.training.evaluation import evaluate_run
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
    ZERO: {"control": "zero"},
}


@dataclass(frozen=True)
class Score:
    """What is averaged over the episodes of a seed.

    Attributes
    ----------
    of : {"return", "length"}
        The environment's declared metric, or the number of decisions.
    evaluated : int or None
        Episodes after training, learning off; None: the last 100 of the training count.
    max_episode_steps : int or None
        Time limit of the evaluation; None: that of the training.
    """

    of: str = "return"
    evaluated: int | None = None
    max_episode_steps: int | None = None

    @property
    def text(self) -> str:
        """What a score is, in words."""
        what = "decisions per episode" if self.of == "length" else "return per episode"
        if self.evaluated is None:
            return f"{what}, mean of the last {LAST}"
        steps = self.max_episode_steps
        limit = "" if steps is None else f" of at most {steps} decisions"
        return f"{what}, mean of {self.evaluated} episodes{limit} after training, learning off"

    def of_run(
        self, path: Path, budget: float, env_kwargs: Mapping[str, Any] | None = None
    ) -> NDArray[np.float64]:
        """Return the score of each replica of a finished run, in its environment or another."""
        if self.evaluated is None:
            return last_scores(path, self.of)
        found = path / "evaluation.json"
        if env_kwargs is None and found.exists():
            told = json.loads(found.read_text())
        else:
            told = evaluate_run(
                path, max(1, round(self.evaluated * budget)),
                max_episode_steps=self.max_episode_steps, env_kwargs=env_kwargs,
                is_kept=env_kwargs is None,
            ).to_dict()  # fmt: skip
        name = "mean_length_by_seed" if self.of == "length" else "mean_return_by_seed"
        return np.array(told[name])

    def of_random(self, setup: Setup, budget: float) -> float:
        """Return the score of uniformly random actions."""
        if self.max_episode_steps is not None:
            setup = replace(setup, max_episode_steps=self.max_episode_steps)
        episodes = max(1, round((self.evaluated or LAST) * budget))
        returns, lengths = zip(*play_randomly(setup, episodes), strict=True)
        return float(np.mean(lengths if self.of == "length" else returns))


def closed_loop_experiment(
    claim: str,
    settings: dict[str, Any],
    bars: tuple[Bar, ...],
    score: Score = Score(),
    controls: tuple[str, ...] = (TWIN, SHUFFLED, PERMUTED, RANDOM),
    control_episodes: int | None = None,
    is_scheduled: bool = False,
    variants: Mapping[str, Mapping[str, Any]] | None = None,
    elsewhere: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Experiment:
    """Return an experiment whose arms are training runs.

    Parameters
    ----------
    settings : dict
        Layer over the preset of the environment.
    score : Score
    controls : tuple of str
        Arms beside the agent itself: keys of `CONTROL_SETTINGS`, or `RANDOM`.
    control_episodes : int or None
        Episodes of the controls that learn, where theirs are so much longer that fewer still are
        more decisions than the agent has; None: as many as the agent.
    is_scheduled : bool
        Whether a schedule moves a parameter that all replicas share: processes cannot share them.
    variants : mapping of str to settings
        Further arms, which lack something that the agent has or do it otherwise.
    elsewhere : mapping of str to mapping
        Arms in which the trained agent is evaluated in another environment, and the arguments in
        which it differs from that of the training; for scores of an evaluation.
    """
    text = score.text
    if control_episodes is not None:
        text += f" ({control_episodes} episodes for the controls, which are longer)"
    changes = {**CONTROL_SETTINGS, **(variants or {})}
    kind = part_settings("agent", settings.get("agent")).get("name", PARTS["agent"].default)
    return Experiment(
        claim, partial(_run_arm, settings, changes, elsewhere, score, control_episodes), text, bars,
        arms=(TRAINED, *elsewhere, *(variants or {}), *controls),
        draw=partial(_draw, changes, score),
        describe=partial(_describe, (TRAINED, *(variants or {}))),
        measure=_measure,
        takes_workers=not is_scheduled,
        settings=settings,
        needs=AGENTS[kind].needs,
    )  # fmt: skip


def _run_arm(
    settings: dict[str, Any],
    changes: Mapping[str, Mapping[str, Any]],
    elsewhere: Mapping[str, Mapping[str, Any]],
    score: Score,
    control_episodes: int | None,
    request: ArmRequest,
) -> ArmResult:
    if request.arm in elsewhere:
        trained = arm_folder(request.folder.parent, TRAINED)
        return ArmResult(score.of_run(trained, request.budget, elsewhere[request.arm]))
    if request.arm == RANDOM:
        return ArmResult(np.array([
            score.of_random(Setup.of(configure(settings, seed=seed, replicas=1)), request.budget)
            for seed in request.seeds
        ]))  # fmt: skip
    fewer = {} if control_episodes is None else {"episodes": control_episodes}
    is_shortened = request.arm in CONTROL_SETTINGS and request.arm not in (TRAINED, TWIN)
    layers = settings, fewer if is_shortened else {}, changes[request.arm]
    episodes = max(1, round(configure(*layers).options.episodes * request.budget))
    own: dict[str, Any] = {
        "episodes": episodes, "replicas": len(request.seeds), "seed": request.seeds[0],
        "engine": request.engine, "reference_episodes": 0, "weight_snapshots": 10,
        "record_episodes": 1,
    }  # fmt: skip
    path, config = request.folder, configure(*layers, own)
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
    return ArmResult(score.of_run(path, request.budget), arrays=None)  # they lie in the run


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


def last_scores(path: Path, of: str) -> NDArray[np.float64]:
    """Return the mean score of the last 100 episodes of each replica of a run."""
    summary = json.loads((path / "summary.json").read_text())
    column = "length" if of == "length" else summary["metric"]
    by_replica: dict[int, list[float]] = {}
    with open(path / "episodes.csv", newline="") as file:
        for row in csv.DictReader(file):
            by_replica.setdefault(int(row["replica"]), []).append(float(row[column]))
    return np.array([np.mean(values[-LAST:]) for _, values in sorted(by_replica.items())])


def _describe(arms: tuple[str, ...], folder: Path) -> dict[str, str]:
    """Return how plausible the agents were, what a decision costs, times to a threshold, speed.

    Of arms that were evaluated how long their episodes were, where there are several.
    """
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
    if counts := summary.get("operations"):
        facts |= Operations.from_dict(counts).facts()
    if len(arms) > 1:
        facts |= {
            f"decisions per episode, {arm}": _lengths(arm_folder(folder, arm)) for arm in arms
        }
    facts |= times_in_words(_measure(folder))
    return {**facts, "decisions per second": f"{summary['decisions_per_second']:.0f}"}


def _measure(folder: Path) -> dict[str, Any]:
    """Return how long the trained seeds took to learn, their rate, what a decision costs."""
    run = Run(arm_folder(folder, TRAINED))
    summary = json.loads((run.path / "summary.json").read_text())
    card, counts = summary.get("plausibility") or {}, summary.get("operations") or {}
    return {
        **times_to_threshold(run, summary["env"], summary["metric"]),
        LARGEST_RATE: (card.get(MEAN_RATE) or {}).get("number"),
        SYNAPTIC_OPERATIONS: sum(counts[key] for key in EFFECTIVE) if counts else None,
    }


def _lengths(run: Path) -> str:
    """Return the mean episode of a run's evaluation, or of its end, and that of each seed."""
    found = run / "evaluation.json"
    lengths = last_scores(run, "length")
    if found.exists():
        lengths = np.array(json.loads(found.read_text())["mean_length_by_seed"])
    return f"{lengths.mean():.0f} ({', '.join(f'{length:.0f}' for length in lengths)})"


def _draw(changes: Mapping[str, Any], score: Score, folder: Path) -> "Figure":
    """Draw the learning curves of all arms; beside them how the random agent, which has none, did.

    Not where scores come from an evaluation, which is not what the curves show.
    """
    from threefactor.analysis.report import compare_runs

    runs = {arm: [arm_folder(folder, arm)] for arm in changes}
    random = arm_folder(folder, RANDOM)
    is_comparable = score.evaluated is None and random.exists()
    return compare_runs(
        {arm: paths for arm, paths in runs.items() if paths[0].exists()},
        "length" if score.of == "length" else None,
        finals={RANDOM: load_result(random)["scores"]} if is_comparable else None,
    )
