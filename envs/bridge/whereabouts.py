"""Where in their lives environments are, for what is told of them: replica, episode, step."""

from collections.abc import Sequence
from typing import NoReturn

from threefactor.envs.bridge.answers import EnvironmentFault

#: An episode that is longer, of an environment without a known time limit, is taken for endless.
LONGEST_EPISODE = 100_000


class Whereabouts:
    """Count of the episodes and steps of replicas.

    Parameters
    ----------
    env_id : str
    n_replicas : int
    is_limited : bool
        Whether a time limit ends the episodes; others must end by themselves.

    Attributes
    ----------
    decisions : int
        Times that the environments were stepped.
    """

    def __init__(self, env_id: str, n_replicas: int, is_limited: bool) -> None:
        self._env_id = env_id
        self._episodes = [0] * n_replicas
        self._began_at = [0] * n_replicas
        self._is_limited = is_limited
        self._look_at = LONGEST_EPISODE
        self.decisions = 0

    def begin(self, replica: int) -> None:
        """Count an episode that begins."""
        self._episodes[replica] += 1
        self._began_at[replica] = self.decisions

    def count_from(self, episodes: Sequence[int], steps: Sequence[int]) -> None:
        """Take note of where restored replicas are: their episodes, and how long these are."""
        self._episodes = [int(number) for number in episodes]
        self._began_at = [self.decisions - int(number) for number in steps]
        self._look_at = self.decisions

    def check_ends(self, running: Sequence[int]) -> None:
        """Raise EnvironmentFault if one of the running replicas has an episode without end."""
        if self._is_limited or self.decisions <= self._look_at:
            return
        for replica in running:
            if self.decisions - self._began_at[replica] > LONGEST_EPISODE:
                self.fail(
                    replica,
                    "step",
                    "the episode does not end, and no time limit is known; give one with "
                    "--max-episode-steps.",
                )
        oldest = min((self._began_at[replica] for replica in running), default=self.decisions)
        self._look_at = oldest + LONGEST_EPISODE

    def fail(
        self, replica: int, method: str, told: str, error: BaseException | None = None
    ) -> NoReturn:
        """Raise what is to be told of a replica while its `method` was called."""
        which = f", replica {replica}" if len(self._episodes) > 1 else ""
        steps = self.decisions - self._began_at[replica]
        moment = method if method == "reset" else f"step {steps}"
        raise EnvironmentFault(
            f"{self._env_id}{which}, episode {self._episodes[replica]}, {moment}: {told}"
        ) from error
