"""What an evaluation leaves for figures: recordings before and after training, a map, a film."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from threefactor.agents.contract import Agent
from threefactor.analysis.run_data import FILMED, PLANE, TRAINED, UNTRAINED, Run
from threefactor.experiments.archive import write_arrays
from threefactor.experiments.training.camera import MAX_DECISIONS, RENDER_MODE, Camera
from threefactor.experiments.training.metadata import run_metadata
from threefactor.experiments.training.observers import Observer
from threefactor.experiments.training.plane import Visits, appraise_plane, plane_dimensions
from threefactor.experiments.training.playing import play
from threefactor.experiments.training.preconditions import require_file
from threefactor.experiments.training.progress import Say
from threefactor.experiments.training.recording import Recorder, RecordingOptions
from threefactor.experiments.training.resumption import kept_settings
from threefactor.experiments.training.run_directory import RunDirectory
from threefactor.experiments.training.setup import Setup

#: So many first and last episodes of an evaluation are recorded.
RECORDED = 5


@dataclass(frozen=True)
class Exhibits:
    """What an evaluation is asked for beside numbers; its scores stay the same.

    Parameters
    ----------
    record : bool
        Spikes of an episode before and after training, and a map over two dimensions of the
        observations.
    film : Path or None
        File ending in .gif or .mp4, for a film of the first episode.
    dimensions : (int, int) or None
        Of the map; None: the last two.

    Raises
    ------
    ValueError, OSError
        For what cannot be made here, or dimensions without a map.
    """

    record: bool = False
    film: Path | None = None
    dimensions: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check what is asked for."""
        if self.dimensions is not None and not self.record:
            raise ValueError("dimensions: expected --record with it, which makes the map.")
        if self.film is not None:
            from threefactor.analysis.film import require_film

            require_film(self.film)
            require_file(self.film, "Film")

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return self.record or self.film is not None


NOTHING = Exhibits()


@contextmanager
def recorded(
    place: Path, run: Path, agent: Agent, setup: Setup, episodes: int
) -> Iterator[Recorder]:
    """Give what records the first and last episodes of an evaluation in a run directory.

    Parameters
    ----------
    place : Path
        That directory; what lies there is removed.
    run : Path
        The run that is evaluated.
    agent : Agent
    setup : Setup
        Of the evaluation.
    """
    shutil.rmtree(place, ignore_errors=True)
    settings = kept_settings(run, lambda line: None) | {"control": "frozen", "episodes": episodes}
    meta = {**run_metadata(), **agent.describe(), "needs_bootstrap": agent.needs_bootstrap}
    with RunDirectory.create(place, settings, meta) as directory:
        options = RecordingOptions(episodes, setup.options.window_ms, RECORDED, 1)
        yield Recorder(directory, options, agent, [])


@dataclass
class Exhibition:
    """The making of exhibits, around an evaluation of the replicas of one network.

    Parameters
    ----------
    exhibits : Exhibits
    run : Path
        What is recorded is left there.
    trained : Setup
        As in training: the map asks the critic as well.
    played : Setup
        As in the evaluation: learning off.
    """

    exhibits: Exhibits
    run: Path
    trained: Setup
    played: Setup
    say: Say
    _visits: Visits = field(default_factory=Visits, init=False)
    _camera: Camera | None = field(default=None, init=False)
    _dimensions: tuple[int, int] | None = field(default=None, init=False)
    _env_id: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Find out what the environment allows, before anything long is begun."""
        with closing(self.played.open_environments(replicas=1)) as environments:
            if self.exhibits.record:
                space = environments.observation_space
                self._dimensions = plane_dimensions(space, self.exhibits.dimensions)
            modes = environments.env.metadata.get("render_modes") or ()
            self._env_id = environments.env_id.rpartition(":")[2]
        if self.exhibits.film is None:
            return
        if RENDER_MODE not in modes:
            self.say(
                f"{self._env_id} draws no pictures (no render mode {RENDER_MODE}): the film "
                "shows spikes, actions and rewards alone"
            )
            return
        self.played = replace(self.played, render_mode=RENDER_MODE)
        with closing(self.played.open_environments(replicas=1)) as environments:
            environments.reset([0])
            environments.render()  # what draws may not be installed
        self._camera = Camera()

    @property
    def place(self) -> Path:
        """Where the trained agent is recorded: a film alone leaves what was recorded before."""
        return TRAINED if self.exhibits.record else FILMED

    @contextmanager
    def observers(self, agent: Agent, episodes: int) -> Iterator[list[Observer]]:
        """Give who watches the trained agent."""
        watching = [self._visits] if self._camera is None else [self._visits, self._camera]
        if self.exhibits.record:  # what lies there may be of another episode
            shutil.rmtree(self.run / UNTRAINED, ignore_errors=True)
        with recorded(self.run / self.place, self.run, agent, self.played, episodes) as recorder:
            yield [recorder, *watching]

    def finish(self, saved: Mapping[str, Any], seed: int) -> tuple[Path, ...]:
        """Make what is left to be made once the trained agent has played; return the places.

        Parameters
        ----------
        saved : checkpoint
        seed : of the environment of replica 0
        """
        left = []
        if self.exhibits.record:
            alone = replace(self.played, seeds=self.played.seeds[:1], render_mode=None)
            with alone.opened(self.say) as (environments, agent):
                with recorded(self.run / UNTRAINED, self.run, agent, alone, 1) as recorder:
                    play(agent, environments, 1, [seed], [recorder])
            self._save_plane(saved)
            left.append((self.run / TRAINED).parent)
        if self.exhibits.film is not None:
            self._save_film(self.exhibits.film)
            left.append(self.exhibits.film)
        return tuple(left)

    def _save_plane(self, saved: Mapping[str, Any]) -> None:
        (self.run / PLANE).unlink(missing_ok=True)
        if self._dimensions is None:
            return
        with self.trained.opened() as (environments, agent):
            agent.restore(saved["agent"])
            arrays = appraise_plane(agent, environments, self._visits, self._dimensions)
        if arrays is not None:
            write_arrays(self.run / PLANE, {**arrays, "run": np.array(Run(self.run).id)})

    def _save_film(self, path: Path) -> None:
        from threefactor.analysis.excerpts import Excerpt
        from threefactor.analysis.film import save_film

        excerpt = Excerpt.of(Run(self.run / self.place), "return", MAX_DECISIONS)
        assert excerpt is not None  # the first episode was recorded
        pictures = self._camera.pictures if self._camera else []
        save_film(path, excerpt, pictures, f"{self._env_id}, learning off")
