"""One forward pass: frames of all populations, timestep by timestep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from threefactor.models.differentiable.expressions import SURROGATE, Frame
from threefactor.models.differentiable.links import Graded, deliver
from threefactor.models.differentiable.state import State
from threefactor.models.differentiable.streams import Stream
from threefactor.models.host import steps_to_spike

if TYPE_CHECKING:
    from threefactor.models.differentiable.network import DifferentiableNetwork


class Run:
    """A forward pass of a network.

    Parameters
    ----------
    network : DifferentiableNetwork
    windows : (windows, batch, n_inputs) tensor
        What the input is told.
    state : State or None
    """

    def __init__(
        self, network: DifferentiableNetwork, windows: Tensor, state: State | None
    ) -> None:
        self._network, self._spec = network, network.spec
        self._neurons = list(network.neurons.values())
        batch = windows.shape[1]
        self._start = network.initial_state(batch)
        state = self._start if state is None else state
        self._step_number = state.timestep
        self._dt = network.spec.timestep_ms * 1e-3
        self._frames = self._open(state, batch)
        self._told = self._numbers(windows)
        self._transmissions = [
            (s.source, s.target, s.matrices(network.parameter(s.name), self._frames[s.target]))
            for s in network.senders
        ]
        matrices = [
            (graded, graded.matrix(network.parameter(graded.name))) for graded in network.graded
        ]
        self._steady = [(graded, matrix) for graded, matrix in matrices if graded.is_steady]
        self._graded = [(graded, matrix) for graded, matrix in matrices if not graded.is_steady]

    def window(self, number: int, steps: int) -> Tensor:
        """Simulate a window and return what is decoded."""
        spec, network = self._spec, self._network
        self._begin(number)
        output = network.neurons[spec.output]
        count: Tensor | None = None
        for _ in range(steps):
            spikes = self._step()
            if output.is_spiking:
                z = spikes[spec.output][0]
                count = z if count is None else count + z
        if count is not None:
            return count
        return self._frames[spec.output][spec.population(spec.output).neuron.readout]

    def state(self) -> State:
        """Return the present state."""
        values = {}
        for name, start in self._start.values.items():
            population, _, variable = name.partition(".")
            value = self._frames[population][variable]
            is_whole = isinstance(value, Tensor) and value.shape == start.shape
            values[name] = value if is_whole else torch.zeros_like(start) + value
        return State(values, self._step_number)

    def _open(self, state: State, batch: int) -> dict[str, Frame]:
        network, frames = self._network, {}
        like = next(network.parameters())
        for population in self._spec.populations:
            name = population.name
            frame: Frame = {SURROGATE: network._surrogate}
            for parameter in population.heterogeneity:
                frame[parameter] = network.parameter(f"{name}.{parameter}")
            for purpose in population.neuron.noise:
                frame[f"{purpose}_stream"] = Stream.of(
                    name, purpose, (batch, population.size), like.detach(), network._noise_seeds,
                    network.generator,
                )  # fmt: skip
            for variable in network.neurons[name].variables:
                frame[variable] = state.values[f"{name}.{variable}"]
            frames[name] = frame
        return frames

    def _numbers(self, windows: Tensor) -> Tensor:
        """Return what is told in the type of the network, times as timesteps."""
        like = next(self._network.parameters())
        if self._spec.population(self._spec.input).neuron.takes == "spike_times_ms":
            times = windows.detach().cpu().numpy()
            windows = torch.as_tensor(steps_to_spike(times, self._spec.timestep_ms))
        return windows.to(like.device, like.dtype)

    def _begin(self, number: int) -> None:
        self._set_time()
        for neurons in self._neurons:
            frame = self._frames[neurons.name]
            if neurons.resets_at_decision:
                for variable in neurons.variables:
                    frame[variable] = self._start.values[f"{neurons.name}.{variable}"]
            if neurons.name == self._spec.input:
                frame[neurons.told] = self._told[number]
            neurons.begin_window(frame)
        self._drive(self._steady)

    def _drive(self, modulations: list[tuple[Graded, Tensor]]) -> None:
        """Write the sums of modulations."""
        for graded, matrix in modulations:
            sent = self._frames[graded.source][graded.variable]
            self._frames[graded.target][graded.into] = sent @ matrix

    def _set_time(self) -> None:
        for frame in self._frames.values():
            frame["t_in_timesteps"] = _as_float(self._step_number)
            frame["t"] = self._step_number * self._dt

    def _step(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Simulate a timestep and return the spikes."""
        frames, network = self._frames, self._network
        self._drive(self._graded)
        spikes = {}
        for neurons in self._neurons:
            frame = frames[neurons.name]
            neurons.integrate(frame)
            if neurons.is_spiking:
                spikes[neurons.name] = neurons.fire(frame)
        for name, rows in network._recorded.items():
            rows.append(spikes[name][0])
        for source, target, matrices in self._transmissions:
            for variable, matrix in matrices:
                deliver(frames[target], variable, spikes[source][0], matrix)
        for neurons in self._neurons:
            if neurons.is_spiking:
                neurons.reset(
                    frames[neurons.name], *spikes[neurons.name], network.has_reset_gradient
                )
        self._step_number += 1
        self._set_time()
        return spikes


def _as_float(step_number: int | Tensor) -> float | Tensor:
    return step_number if isinstance(step_number, Tensor) else float(step_number)
