"""Replicas apart: agents of one replica each that are one agent together."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.agents.contract import Agent, Mask, Probe, Recordables, Recording, Vitals
from threefactor.envs.bridge.outcome import Outcome

_COLUMNS = [column.name for column in fields(Outcome)]


class Ensemble(Agent):
    """R agents of one replica, of which the r-th is replica r.

    Replica r then does what it would do alone, bit for bit, whatever sets it apart from the others:
    settings of its rule, neurons, modulator, decoder, schedule. Networks of equal code are built
    once and loaded R times.

    Parameters
    ----------
    members : sequence of Agent
        One for each replica.

    Raises
    ------
    ValueError
        If they differ in what they are connected by, or in when they must be shown a last
        observation.
    """

    def __init__(self, members: Sequence[Agent]) -> None:
        self._members = tuple(members)
        self._first = first = self._members[0]
        self.needs_bootstrap = first.needs_bootstrap
        self.estimates_values = first.estimates_values
        shapes = [{name: w.shape for name, w in m.weights().items()} for m in self._members]
        for replica, (member, shape) in enumerate(zip(self._members, shapes, strict=True)):
            if shape != shapes[0]:
                raise ValueError(
                    f"replicas with settings of their own: expected the connections of replica 0, "
                    f"{_counted(shapes[0])}, got {_counted(shape)} in replica {replica}; train "
                    "networks of other sizes as runs of their own."
                )
            if member.needs_bootstrap != first.needs_bootstrap:
                raise ValueError(
                    f"replicas with settings of their own: replica {replica} and replica 0 do not "
                    "agree whether a truncated episode goes on to its last observation; train them "
                    "as runs of their own."
                )

    def act(self, observations: NDArray[Any], involved: Mask) -> NDArray[Any]:
        """Let the involved replicas decide; the others rest and have 0."""
        taken = {
            k: self._members[k].act(observations[k : k + 1], involved[k : k + 1])
            for k in involved.nonzero()[0].tolist()
        }
        some = next(iter(taken.values()))
        actions = np.zeros((len(self._members), *some.shape[1:]), some.dtype)
        for k, action in taken.items():
            actions[k] = action[0]
        return actions

    def learn(self, outcome: Outcome, involved: Mask) -> None:
        """Let the involved replicas learn from what came of their own actions."""
        columns = [getattr(outcome, name) for name in _COLUMNS]
        for k in involved.nonzero()[0].tolist():
            own = Outcome(*(column[k : k + 1] for column in columns))
            self._members[k].learn(own, involved[k : k + 1])

    def end_episodes(self, mask: Mask, returns: NDArray[np.float64]) -> None:
        """Close the episodes of the marked replicas."""
        for k in mask.nonzero()[0].tolist():
            self._members[k].end_episodes(mask[k : k + 1], returns[k : k + 1])

    def state(self) -> dict[str, Any]:
        """Return the states of all replicas."""
        return {"members": [member.state() for member in self._members]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        for member, own in zip(self._members, state["members"], strict=True):
            member.restore(own)

    def adopt(self, state: Mapping[str, Any]) -> None:
        """Let every replica take over what the same replica of another ensemble has learned."""
        for member, own in zip(self._members, state["members"], strict=True):
            member.adopt(own)

    def begin_with(self, weights: Mapping[str, NDArray[np.float64]]) -> None:
        """Let every replica begin with its own."""
        for replica, member in enumerate(self._members):
            member.begin_with({name: own[replica : replica + 1] for name, own in weights.items()})

    def quantise(self, bits: int) -> None:
        """Act from now on with weights of so few bits."""
        for member in self._members:
            member.quantise(bits)

    def freeze(self) -> None:
        """Learn no more from now on."""
        for member in self._members:
            member.freeze()

    def weights(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of everything that is learned in connections, name -> (R, n)."""
        weights = [member.weights() for member in self._members]
        return {name: np.concatenate([own[name] for own in weights]) for name in weights[0]}

    def describe(self) -> dict[str, Any]:
        """Return what replica 0 says, lists with the entries of all replicas."""
        told = [member.describe() for member in self._members]
        return {
            name: [entry for own in told for entry in own[name]]
            if isinstance(value, list)
            else value
            for name, value in told[0].items()
        }

    def close(self) -> None:
        """Free what the replicas hold."""
        for member in self._members:
            member.close()

    @property
    def now_ms(self) -> float:
        """Time that replica 0 has lived, ms."""
        return self._first.now_ms

    def recordables(self) -> Recordables:
        """Return what can be recorded of replica 0."""
        return self._first.recordables()

    def choose_probes(self, count: int, observations: NDArray[Any]) -> list[Probe]:
        """Return what is worth sampling of replica 0."""
        return self._first.choose_probes(count, observations[:1])

    def record(self, populations: Sequence[str], probes: Sequence[Probe]) -> None:
        """Record these and nothing else of replica 0 from now on."""
        self._first.record(populations, probes)

    def drain(self) -> Recording:
        """Return and forget what was recorded of replica 0."""
        return self._first.drain()

    def vitals(self, replica: int, decisions: int) -> dict[str, Vitals]:
        """Return what the populations of a replica did."""
        return self._members[replica].vitals(0, decisions)

    def appraise(self, observation: Any) -> tuple[NDArray[np.float64], float] | None:
        """Return what replica 0 makes of an observation."""
        return self._first.appraise(observation)


def _counted(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{shape[-1]} of {name!r}" for name, shape in shapes.items()) or "none"
