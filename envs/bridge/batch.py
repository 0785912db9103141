"""Replicas of one Gymnasium environment, stepped together: batched arrays in and out."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import OrderEnforcing, TimeLimit
from numpy.typing import NDArray

from threefactor.blame import described
from threefactor.envs.bridge.answers import ExpectedAnswers, Unexpected, finite_reward
from threefactor.envs.bridge.attributes import restore
from threefactor.envs.bridge.flattening import flat_actions, flat_observations, named_space
from threefactor.envs.bridge.held import NotData
from threefactor.envs.bridge.making import make_environment, missing_package, own_time_limit
from threefactor.envs.bridge.outcome import Outcome
from threefactor.envs.bridge.resuming import WAYS, ByAttributes, ByEpisode, ByPickle, Way
from threefactor.envs.bridge.together import FEWEST, Together
from threefactor.envs.bridge.whereabouts import Whereabouts
from threefactor.masks import any_of


class Environments:
    """Independent copies of one environment, each with its own seed, never reset on their own.

    Replica r sees exactly what a single environment seeded with `seeds[r]` would see, through any
    number of resets, whatever the other replicas do; many that have a vector form are stepped
    together (`envs.vector_form`), all others one by one. A replica whose episode has ended rests
    until it is reset: `step` ignores its action, gives reward 0 and repeats its last observation.

    Parameters
    ----------
    environment : str or EnvSpec
        A registered id, `"CartPole-v1"`, or `"package:Name-v0"` to import the package first; or a
        Gymnasium specification, registered or not.
    n_replicas : int, default 1
    env_kwargs : mapping, optional
        Passed to the environment.
    max_episode_steps : int, optional
        Replaces the registered time limit.
    render_mode : str, optional
        Render mode of replica 0; the others are never drawn.
    say : callable, optional
        Is told of what is odd and does no harm.

    Attributes
    ----------
    observation_space, action_space : Box, Discrete or MultiDiscrete
        Of a single environment, flattened where it is of another kind (`envs.bridge.flattening`).
    n_values : tuple of int
        For each dimension of an observation its number of symbols; 0: it is a number.
    max_episode_steps, own_time_limit : int or None
        The time limit in force; the one that it is registered with. None: there is none.
    return_discount : float
        Discount per step of the environment's own metric; 1.0 if it declares none.
    whereabouts : Whereabouts
        Episodes and steps of the replicas; who restores them says where they are.
    is_running : (n_replicas,), bool
        False once an episode has ended, until the reset.
    observations : (n_replicas, *observation shape)
        What is to be acted on next; not to be changed.

    Raises
    ------
    EnvironmentFault
        From whatever makes, resets, steps or draws: in one line, with episode and step, if an
        environment raises or answers what its spaces do not allow (`envs.bridge.answers`), or if
        an episode without a known time limit does not end.
    """

    # Not gymnasium's SyncVectorEnv: with autoreset disabled its `step` asserts that no replica has
    # finished, so a resting replica cannot be skipped, and at one replica it costs several times
    # what the environment does.

    def __init__(
        self,
        environment: str | EnvSpec,
        n_replicas: int = 1,
        *,
        env_kwargs: Mapping[str, Any] | None = None,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        say: Callable[[str], None] | None = None,
    ):
        if n_replicas < 1:
            raise ValueError(f"Environments.n_replicas must be >= 1, got {n_replicas}.")
        if max_episode_steps is not None and max_episode_steps < 1:
            raise ValueError(
                f"Environments.max_episode_steps must be >= 1, got {max_episode_steps}."
            )
        self.env_id = env_id = environment if isinstance(environment, str) else environment.id
        self.n_replicas = n_replicas
        kwargs = dict(env_kwargs or {})
        drawn = {} if render_mode is None else {"render_mode": render_mode}
        self._envs = [
            make_environment(
                environment, max_episode_steps, kwargs if replica else {**kwargs, **drawn}
            )
            for replica in range(n_replicas)
        ]
        first = self._envs[0]
        seen, done = (getattr(first, f"{what}_space", None) for what in ("observation", "action"))
        shown = named_space(env_id, "observation", flat_observations, seen)
        self.observation_space, self.n_values = shown.space, shown.n_values
        self._expected = ExpectedAnswers(first, shown)
        self._say = say
        self.action_space = named_space(env_id, "action", flat_actions, done).space
        self.max_episode_steps = None if first.spec is None else first.spec.max_episode_steps
        self.own_time_limit = own_time_limit(environment)
        self.return_discount = float(getattr(self._envs[0].unwrapped, "return_discount", 1.0))
        self._actions_shape = (n_replicas, *(self.action_space.shape or ()))
        self.observations: NDArray[Any] = np.zeros(
            (n_replicas, *(self.observation_space.shape or ())), self.observation_space.dtype
        )
        self._together = Together.find(self._envs) if n_replicas >= FEWEST else None
        self._nobody = np.zeros(n_replicas, dtype=bool)
        self._nobody.flags.writeable = False  # outcomes share it
        self._is_seeded = False
        self.whereabouts = Whereabouts(env_id, n_replicas, self.max_episode_steps is not None)
        self._way: Way = ByAttributes(self._envs)
        self._seeds: list[int] = []
        self._begun = [0] * n_replicas
        self._run(self._nobody)

    @property
    def env(self) -> gym.Env:
        """The first environment without its wrappers."""
        self._give_back()
        return self._envs[0].unwrapped

    @property
    def is_wrapped(self) -> bool:
        """Whether a wrapper beside those of `gymnasium.make` may change what the first one does."""
        env = self._envs[0]
        while isinstance(env, TimeLimit | OrderEnforcing):
            env = env.env
        return isinstance(env, gym.Wrapper)

    @property
    def steps_together(self) -> bool:
        """Whether the replicas are stepped by their vector form, and not one by one."""
        return self._together is not None

    @property
    def is_running(self) -> NDArray[np.bool_]:
        """Which replicas are within an episode."""
        return self._running.copy()

    def _run(self, running: NDArray[np.bool_]) -> None:
        """Note who is within an episode, in an array that nobody changes: outcomes share it."""
        self._running = running
        self._copies = np.flatnonzero(running)
        self._numbers = self._copies.tolist()

    def _give_back(self) -> None:
        if self._together is not None and self._is_seeded:
            self._together.give_back()

    def reset(self, seeds: Sequence[int]) -> NDArray[Any]:
        """Seed every replica and begin its first episode.

        Parameters
        ----------
        seeds : one int per replica

        Returns
        -------
        (n_replicas, *observation shape)
        """
        if len(seeds) != self.n_replicas:
            raise ValueError(
                f"Environments.reset: expected {self.n_replicas} seeds, one per replica, "
                f"got {len(seeds)}."
            )
        self._is_seeded = True
        self._seeds = [int(seed) for seed in seeds]
        return self._begin({replica: int(seed) for replica, seed in enumerate(seeds)})

    def reset_where(self, mask: NDArray[np.bool_]) -> NDArray[Any]:
        """Begin a new episode in the marked replicas; give the observations of all."""
        self._check_seeded("reset_where")
        if np.shape(mask) != (self.n_replicas,):
            raise ValueError(
                f"Environments.reset_where: expected a mask of shape ({self.n_replicas},), "
                f"got {np.shape(mask)}."
            )
        return self._begin(dict.fromkeys(np.flatnonzero(mask).tolist()))

    def _begin(self, seeds: Mapping[int, int | None]) -> NDArray[Any]:
        """Reset replicas, with a seed or none; what they show goes into a new array."""
        self.observations = self.observations.copy()
        running = self._running.copy()
        if self._way.is_told:
            self._give_back()
        for replica, seed in seeds.items():
            self._begun[replica] += 1
            self._way.begins(replica, seed)
            self.whereabouts.begin(replica)
            try:
                answer = self._envs[replica].reset(seed=seed)
                self.observations[replica] = self._expected.of_reset(answer)
            except (Exception, SystemExit) as error:
                self._fail(error, replica, "reset")
            running[replica] = True
            if self._together is not None:
                self._together.take(replica)
        self._check(self.observations, "reset")
        self._run(running)
        return self.observations

    def step(self, actions: NDArray[Any]) -> Outcome:
        """Step every replica that is within an episode.

        Parameters
        ----------
        actions : (n_replicas,) or (n_replicas, n_dimensions)
            As decoders give them; a Box action of another shape is reshaped from flat.

        Returns
        -------
        Outcome
            In arrays of its own, which no later step changes.
        """
        if not self._is_seeded:
            self._check_seeded("step")
        self.whereabouts.decisions += 1
        if self._way.is_told:
            self._way.acts(self._numbers, self._choices(actions))
        before, acting = self.observations, self._running
        observations, rewards = before.copy(), np.zeros(self.n_replicas)
        if self._together is None:
            ends = self._step_each(actions, observations, rewards)
        else:
            ends = self._step_together(actions, observations, rewards)
        self._check(observations, "step")
        self.observations = observations
        terminated = truncated = self._nobody
        if ends is not None:
            terminated, truncated = ends
            self._run(acting & ~(terminated | truncated))
        return Outcome(before, actions, rewards, observations, terminated, truncated, acting)

    def _step_each(
        self, actions: NDArray[Any], observations: NDArray[Any], rewards: NDArray[np.float64]
    ) -> NDArray[np.bool_] | None:
        """Step one by one into these arrays; return who terminated, who was truncated, (2, R).

        None: nobody.
        """
        choices = self._choices(actions)
        ends, expected, replica = None, self._expected, 0
        try:
            for replica in self._numbers:
                answer = self._envs[replica].step(choices[replica])
                observations[replica], reward, terminated, truncated = expected.of_step(answer)
                rewards[replica] = reward
                if terminated or truncated:
                    if ends is None:
                        ends = np.zeros((2, self.n_replicas), dtype=bool)
                    ends[:, replica] = terminated, truncated
        except (Exception, SystemExit) as error:
            self._fail(error, replica, "step")
        return ends

    def _check(self, observations: NDArray[Any], method: str) -> None:
        """Raise if a replica shows what its space does not hold, or if an episode does not end."""
        outside = self._expected.check(observations)
        if outside is not None:
            self._fail(self._expected.outside(observations[outside]), outside, method)
        if self._expected.excess and self._say is not None:
            self._say(f"{self.env_id} {self._expected.excess}")
            self._expected.excess = ""
        self.whereabouts.check_ends(self._numbers)

    def _fail(self, error: BaseException, replica: int, method: str) -> NoReturn:
        """Raise what is to be told of an error in a method of a replica's environment."""
        self.whereabouts.fail(replica, method, self._expected.told(error, method), error)

    def _choices(self, actions: NDArray[Any]) -> Any:
        """Return a row for each copy: plain ints, because environments index tuples with them."""
        return actions.tolist() if actions.ndim == 1 else actions.reshape(self._actions_shape)

    def _step_together(
        self, actions: NDArray[Any], observations: NDArray[Any], rewards: NDArray[np.float64]
    ) -> NDArray[np.bool_] | None:
        """Do what `_step_each` does by the vector form."""
        assert self._together is not None
        copies = self._copies
        try:
            answers = self._together.step(actions.reshape(self._actions_shape)[copies], copies)
            observations[copies], rewards[copies] = answers.observations, answers.rewards
        except Exception as error:
            self._fail(error, self._numbers[0], "step")
        for replica, reward in zip(self._numbers, answers.rewards.tolist(), strict=True):
            try:
                finite_reward(reward)
            except Unexpected as error:
                self._fail(error, replica, "step")
        if not (any_of(answers.terminated) or any_of(answers.truncated)):
            return None
        ends = np.zeros((2, self.n_replicas), dtype=bool)
        ends[:, copies] = answers.terminated, answers.truncated
        return ends

    def render(self) -> Any:
        """Draw replica 0 in the `render_mode` given."""
        self._give_back()
        try:
            return self._envs[0].render()
        except gym.error.DependencyNotInstalled as error:
            raise missing_package(self.env_id, error) from error
        except (Exception, SystemExit) as error:
            self._fail(error, 0, "render")

    def close(self) -> None:
        """Close every environment; one that fails is told, because nothing is lost by it."""
        for env in self._envs:
            try:
                env.close()
            except Exception as error:
                if self._say is not None:
                    self._say(f"{self.env_id} cannot be closed: {described(error)}")

    def follow(self, way: str) -> None:
        """Keep the state, from the next reset on, in a way of `envs.bridge.resuming`."""
        self._way = WAYS[way](self._envs)

    def state(self) -> dict[str, Any]:
        """Return every replica, its random generator and time limit included, for a checkpoint.

        As JSON knows it, but for arrays. A replica that cannot be kept has a `reason`.
        """
        self._give_back()
        return {
            "env_id": self.env_id,
            "way": self._way.name,
            "replicas": [self._saved(replica) for replica in range(self.n_replicas)],
            "begun": list(self._begun),
            "observations": self.observations.copy(),
            "running": self._running.copy(),
            "is_seeded": self._is_seeded,
        }

    def _saved(self, replica: int) -> dict[str, Any]:
        entry = {}
        try:
            entry["exact"] = self._way.save(replica)
        except NotData as error:
            entry["reason"] = str(error)
        if self._way.may_fail or "reason" in entry:
            entry["rest"] = self._way.rest(replica)
        return entry

    def restore(self, state: Mapping[str, Any], is_trusted: bool = False) -> dict[int, str]:
        """Go back to what `state` returned, of the same environment and number of replicas.

        Returns
        -------
        dict of int to str
            The replicas that were not brought back, and why; they rest until they are reset.
        """
        if state["env_id"] != self.env_id or len(state["replicas"]) != self.n_replicas:
            raise ValueError(
                f"Environments.restore: expected {self.n_replicas} replicas of {self.env_id}, got "
                f"{len(state['replicas'])} of {state['env_id']}."
            )
        is_refused = state["way"] == ByPickle.name and not is_trusted
        self.follow(ByEpisode.name if is_refused else state["way"])
        self.observations, self._is_seeded = state["observations"].copy(), state["is_seeded"]
        self._begun = list(state["begun"])
        lost, running = {}, state["running"].copy()
        for replica, entry in enumerate(state["replicas"]):
            reason = entry.get("reason", "")
            if is_refused:
                reason = "it is pickled, and read with --trust only"
            if reason := reason or self._bring_back(replica, entry):
                self._pass_over(replica, entry.get("rest"))
                lost[replica], running[replica] = reason, False
        self._run(running)
        if self._together is not None and self._is_seeded:
            for replica in range(self.n_replicas):
                self._together.take(replica)
        return lost

    def _bring_back(self, replica: int, entry: Mapping[str, Any]) -> str:
        """Return why a replica cannot be brought back; "": it is."""
        show = self._expected.element
        try:
            self._way.restore(replica, entry["exact"], self.observations[replica], show)
        except NotData as error:
            return str(error)
        except Exception as error:  # of an environment that is not what it was
            return f"{type(error).__name__}: {error}"
        return ""

    def _pass_over(self, replica: int, rest: Any) -> None:
        """Prepare a replica for its next episode, which must not be one that it has had."""
        environment = self._envs[replica]
        if self._is_seeded and self._seeds:
            sequence = np.random.SeedSequence([self._seeds[replica], self._begun[replica]])
            environment.reset(seed=int(sequence.generate_state(1)[0]))
        if rest is not None:
            with suppress(NotData):
                restore(environment, rest, lenient=True)

    def _check_seeded(self, method: str) -> None:
        if not self._is_seeded:
            raise ValueError(f"Environments.{method}: call reset(seeds) first.")
