"""Episodes that an agent plays to the end."""

from collections.abc import Sequence

from threefactor.agents.contract import Agent
from threefactor.envs.bridge.batch import Environments
from threefactor.experiments.training.loop import ClosedLoop
from threefactor.experiments.training.observers import EpisodeLog, Observer
from threefactor.experiments.training.tally import Episode


def play(
    agent: Agent,
    environments: Environments,
    episodes: int,
    seeds: Sequence[int],
    observers: Sequence[Observer] = (),
) -> list[Episode]:
    """Return the episodes that an agent plays, in the order in which they end.

    Parameters
    ----------
    episodes : int
        Of each replica.
    seeds : one for each replica's environment
    observers : what else watches
    """
    log = EpisodeLog()
    ClosedLoop.begin(agent, environments, episodes, seeds, [log, *observers]).run()
    return log.episodes
