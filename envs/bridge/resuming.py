"""Ways to bring an environment back to where it was; which of them does is found by trying.

own         it says what it is by `get_state` and goes back by `set_state`
attributes  what it holds is plain data (`envs.bridge.attributes`)
replay      its episode is begun anew from the same beginning, and its actions are done again
pickle      it is pickled, which runs code when it is read: only if the user trusts the run
episode     it goes on with the next episode
"""

import copy
import io
import pickle
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from threefactor.envs.bridge.attributes import as_made, has_own, restore, save
from threefactor.envs.bridge.held import NOT_STATE, NotData, layers

if TYPE_CHECKING:
    from threefactor.envs.bridge.batch import Environments

#: Episodes longer than this are not replayed.
MOST_ACTIONS = 1_000_000
#: Length of the trials: decisions of the first episode, of the second, after its restoration.
_FIRST, _SECOND, _AFTER = 60, 8, 40
_NO_WAY = "its state cannot be kept"
#: No part of a trial goes on for longer.
_TRIAL_S = 2.0
#: What an environment shows, and does after an action, as a replay asks it.
Show = Callable[[Any], NDArray[Any]]


class Way(ABC):
    """How the copies of an environment are kept; the verbs are told of every one.

    Attributes
    ----------
    name : str
        As above.
    """

    name: str
    #: Whether it is told of episodes that begin and of actions.
    is_told = False
    #: Whether it can fail where it could save, so that a next episode has to be prepared as well.
    may_fail = False

    def __init__(self, environments: Sequence[gym.Env]) -> None:
        self.environments = environments
        self._made = as_made(environments[0])

    def begins(self, replica: int, seed: int | None) -> None:  # noqa: B027
        """Take note that a copy is about to be reset."""

    def acts(self, replicas: Sequence[int], actions: Any) -> None:  # noqa: B027
        """Take note of what copies are about to do; `actions` has a row for every copy."""

    def rest(self, replica: int) -> Any:
        """Return what can be saved of a copy as data, whatever that is; None: nothing."""
        try:
            return save(self.environments[replica], self._made, lenient=True)
        except NotData:
            return None

    @abstractmethod
    def save(self, replica: int) -> Any:
        """Return what brings a copy back, as plain data; NotData if that cannot be."""

    @abstractmethod
    def restore(self, replica: int, saved: Any, observation: NDArray[Any], show: Show) -> None:
        """Bring a copy back to where it showed `observation`; NotData if that cannot be."""


class ByAttributes(Way):
    """What a copy holds is data."""

    name = "attributes"
    _asks = False

    def save(self, replica: int) -> Any:
        """Return the attributes of every layer."""
        return save(self.environments[replica], self._made, own=self._asks)

    def restore(self, replica: int, saved: Any, observation: NDArray[Any], show: Show) -> None:
        """Write them."""
        restore(self.environments[replica], saved)


class ByOwn(ByAttributes):
    """A copy says itself what it is."""

    name = "own"
    _asks = True

    def __init__(self, environments: Sequence[gym.Env]) -> None:
        super().__init__(environments)
        if not has_own(environments[0]):
            raise NotData("it has no get_state and set_state")


class ByReplay(Way):
    """A copy's episode is begun anew, and its actions are done again."""

    name = "replay"
    is_told = may_fail = True

    def __init__(self, environments: Sequence[gym.Env]) -> None:
        super().__init__(environments)
        self._begun: list[Mapping[str, Any]] = [{} for _ in environments]
        self._actions: list[list[Any]] = [[] for _ in environments]

    def begins(self, replica: int, seed: int | None) -> None:
        """Keep what the episode begins from."""
        start = self.rest(replica)
        self._begun[replica] = {"start": start, "seed": seed}
        self._actions[replica] = []

    def acts(self, replicas: Sequence[int], actions: Any) -> None:
        """Keep the actions."""
        for replica in replicas:
            kept = self._actions[replica]
            if len(kept) <= MOST_ACTIONS:
                kept.append(copy.copy(actions[replica]))

    def save(self, replica: int) -> Any:
        """Return beginning and actions."""
        actions = self._actions[replica]
        if len(actions) > MOST_ACTIONS:
            raise NotData(f"an episode of more than {MOST_ACTIONS} decisions is not replayed")
        return {**self._begun[replica], "actions": np.array(actions)}

    def restore(self, replica: int, saved: Any, observation: NDArray[Any], show: Show) -> None:
        """Live the episode again, up to the observation."""
        environment, actions = self.environments[replica], saved["actions"]
        if saved["start"] is not None:
            restore(environment, saved["start"], lenient=True)
        self.begins(replica, saved["seed"])
        shown = environment.reset(seed=saved["seed"])[0]
        for action in actions.tolist() if actions.ndim == 1 else actions:
            self.acts([replica], {replica: action})
            shown = environment.step(action)[0]
        if not np.array_equal(show(shown), observation, equal_nan=observation.dtype.kind == "f"):
            raise NotData("lived again, its episode came to another observation")


class ByPickle(Way):
    """A copy is pickled: reading it runs code."""

    name = "pickle"
    may_fail = True

    def save(self, replica: int) -> Any:
        """Return the pickle as an array of bytes."""
        found = layers(self.environments[replica])
        buffer = io.BytesIO()
        held = [{k: v for k, v in vars(layer).items() if k not in NOT_STATE} for layer in found]
        try:
            _Pickler(buffer, found).dump(held)
        except Exception as error:
            raise NotData(f"pickle cannot save it ({error})") from None
        return np.frombuffer(buffer.getvalue(), np.uint8)

    def restore(self, replica: int, saved: Any, observation: NDArray[Any], show: Show) -> None:
        """Read the pickle."""
        found = layers(self.environments[replica])
        try:
            held = _Unpickler(io.BytesIO(saved.tobytes()), found).load()
        except Exception as error:
            raise NotData(f"its pickle cannot be read ({error})") from None
        for layer, attributes in zip(found, held, strict=True):
            vars(layer).update(attributes)


class ByEpisode(Way):
    """A copy cannot be brought back."""

    name = "episode"

    def save(self, replica: int) -> Any:
        """Refuse."""
        raise NotData(_NO_WAY)

    def restore(self, replica: int, saved: Any, observation: NDArray[Any], show: Show) -> None:
        """Refuse."""
        raise NotData(_NO_WAY)


WAYS: dict[str, type[Way]] = {
    kind.name: kind for kind in (ByOwn, ByAttributes, ByReplay, ByPickle, ByEpisode)
}


class _Pickler(pickle.Pickler):
    """Pickles references to layers by their depth, so that none is duplicated."""

    def __init__(self, file: io.BytesIO, found: Sequence[gym.Env]) -> None:
        super().__init__(file)
        self._depths = {id(layer): depth for depth, layer in enumerate(found)}

    def persistent_id(self, obj: Any) -> int | None:
        return self._depths.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, found: Sequence[gym.Env]) -> None:
        super().__init__(file)
        self._layers = found

    def persistent_load(self, pid: int) -> Any:
        return self._layers[pid]


@dataclass(frozen=True)
class FoundWay:
    """What the trials came to.

    Attributes
    ----------
    name : str
        Key of `WAYS`.
    reasons : dict of str to str
        Why ways before it would not do.
    """

    name: str
    reasons: Mapping[str, str]


def find_way(make: "Callable[[], Environments]", seed: int, is_trusted: bool = False) -> FoundWay:
    """Return the first way that brings a fresh environment back to where another one was.

    Parameters
    ----------
    make : callable
        Gives environments of one replica.
    seed : int
    is_trusted : bool
        Whether pickles may be made and read.
    """
    reasons: dict[str, str] = {}
    for name in WAYS:
        if name == ByPickle.name and not is_trusted:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come again when the run begins
            reason = _try(name, make, seed)
        if not reason:
            return FoundWay(name, reasons)
        reasons[name] = reason
    return FoundWay(ByEpisode.name, reasons)


def _try(name: str, make: "Callable[[], Environments]", seed: int) -> str:
    """Return why a way will not do; "": it does."""
    if name == ByEpisode.name:
        return ""
    with closing(make()) as one, closing(make()) as other:
        space = one.action_space
        space.seed(seed)
        try:
            one.follow(name)
            one.reset([seed])
            _play(one, [space.sample() for _ in range(_FIRST)], until_end=True)
            one.reset_where(np.ones(1, dtype=bool))
            _play(one, [space.sample() for _ in range(_SECOND)], until_end=True)
            saved = one.state()
            other.reset([seed + 1])
            lost = other.restore(saved, is_trusted=True)
        except NotData as error:
            return str(error)
        except Exception as error:  # of a get_state, or of an object that will not be walked
            return f"{type(error).__name__}: {error}"
        if lost:
            return next(iter(lost.values()))
        actions = [space.sample() for _ in range(_AFTER)]
        first = _play(one, actions)
        if _play(other, actions[: len(first)]) != first:
            return "brought back, it does not do what it would have done"
    return ""


def _play(
    environments: "Environments", actions: Sequence[Any], until_end: bool = False
) -> list[tuple[bytes, ...]]:
    """Return what came of actions, bit for bit; of as many as there was time for."""
    rows: list[tuple[bytes, ...]] = []
    began = time.monotonic()
    for action in actions:
        try:
            outcome = environments.step(np.array([action]))
            ended = bool(outcome.ends[0])
            shown = [outcome.next_observations, outcome.rewards, outcome.terminated]
            if ended and not until_end:
                shown.append(environments.reset_where(np.ones(1, dtype=bool)))
        except Exception as error:  # the run will say it
            rows.append((type(error).__name__.encode(),))
            break
        rows.append(tuple(array.tobytes() for array in shown))
        if (ended and until_end) or time.monotonic() - began > _TRIAL_S:
            break
    return rows
