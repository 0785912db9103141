"""A network specification as a module of PyTorch."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from threefactor.models.differentiable.expressions import Surrogate
from threefactor.models.differentiable.links import Graded, Sender
from threefactor.models.differentiable.neurons import Neurons
from threefactor.models.differentiable.run import Run
from threefactor.models.differentiable.state import State
from threefactor.models.drawing import draw_parameter, draw_weights
from threefactor.models.grid import check_exact, on_grid, quantise
from threefactor.models.specification import Modulation, NetworkSpec, Projection
from threefactor.naming import check_choice

Floats = NDArray[np.float64]


class DifferentiableNetwork(torch.nn.Module):
    """A network of one agent, executed from its strings in PyTorch and trained by gradients.

    The spikes are those of `models.network.Network` with the arrays of `arrays`, every one of them
    (`exact`); rows of a batch stand where replicas do.

    Equations
    ---------
    spike = (x > 0), dspike/dx = 1/(1 + slope*|x|)**2, x the distance from threshold
    draw = (uniform < p), ddraw/dp that of sigmoid((logit(p) - logit(uniform))/temperature)

    Parameters
    ----------
    spec : NetworkSpec
        Without rules and delays.
    weight_seed : int, default 0
        Of initial weights and heterogeneous parameters, as in `Network`.
    trainable : iterable of str, optional
        Arrays that are parameters of the module with a gradient: ``"<projection>.w"``,
        ``"<modulation>.weight"``, ``"<population>.<parameter>"``; the last for parameters in which
        the population is heterogeneous and for which the neuron model has `bounds`. Default: all
        weights.
    slope : float, default 2.0
        Of the surrogate derivative, > 0; an attribute that may be changed at any time.
    temperature : float, default 1.0
        Of relaxed draws, > 0; likewise.
    has_reset_gradient : bool, default False
        Whether gradients pass the reset; likewise.
    dtype : torch.dtype, default torch.float32
    device : str, default "cpu"

    Attributes
    ----------
    n_inputs, n_outputs : int
    generator : torch.Generator or None
        Of random numbers, where there are no seeds (`seed_noise`); None: torch's own.

    Raises
    ------
    ValueError
        For networks that gradients cannot be led through, and for unknown names.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        weight_seed: int = 0,
        trainable: Iterable[str] | None = None,
        slope: float = 2.0,
        temperature: float = 1.0,
        has_reset_gradient: bool = False,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        super().__init__()
        self.spec, self.has_reset_gradient = spec, has_reset_gradient
        self.n_inputs = spec.population(spec.input).size
        self.n_outputs = spec.population(spec.output).size
        self.generator: torch.Generator | None = None
        self._surrogate = Surrogate(slope, temperature)
        self._noise_seeds: list[int] | None = None
        self._recorded: dict[str, list[Tensor]] = {}
        self.senders = [Sender(projection, spec) for projection in spec.projections]
        self.graded = [Graded(modulation, spec) for modulation in spec.modulations]
        self.neurons = {p.name: self._population(p.name) for p in spec.populations}
        known = self._draw(weight_seed)
        wanted = self._wanted(trainable, known)
        for name, values in known.items():
            tensor = torch.tensor(values, dtype=dtype, device=device)
            self.register_parameter(_key(name), torch.nn.Parameter(tensor, name in wanted))
        self._limits = {
            name: bounds for name, bounds in self._bounds().items()
            if name in wanted and np.any(np.isfinite(bounds))
        }  # fmt: skip

    def forward(self, told: Tensor, steps: int, state: State | None = None) -> tuple[Tensor, State]:
        """Simulate one decision window, or windows one after the other.

        Parameters
        ----------
        told : (batch, n_inputs) or (windows, batch, n_inputs)
            What the neurons of the input take; see `Network.advance`.
        steps : int
            Timesteps of a window, >= 1.
        state : State, optional
            That the first window begins with; None: the initial one. Populations that reset at
            decisions begin every window with their initial state.

        Returns
        -------
        outputs : (batch, n_outputs) or (windows, batch, n_outputs)
            Spike counts of each window, or the readout variable at its end.
        state : State
            After the last window, with its history; `State.detach` cuts it.
        """
        if told.shape[-1] != self.n_inputs or told.dim() not in (2, 3) or steps < 1:
            raise ValueError(
                f"DifferentiableNetwork: expected told (batch, {self.n_inputs}) or (windows, "
                f"batch, {self.n_inputs}) and steps >= 1, got {tuple(told.shape)} and {steps}."
            )
        self._keep_within_bounds()
        windows = told if told.dim() == 3 else told[None]
        run = Run(self, windows, state)
        outputs = [run.window(number, steps) for number in range(len(windows))]
        return (torch.stack(outputs) if told.dim() == 3 else outputs[0]), run.state()

    @property
    def slope(self) -> float:
        """Slope k of the surrogate derivative; may be set at any time."""
        return self._surrogate.slope

    @slope.setter
    def slope(self, slope: float) -> None:
        self._surrogate.slope = slope

    @property
    def temperature(self) -> float:
        """Temperature of relaxed draws; may be set at any time."""
        return self._surrogate.temperature

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        self._surrogate.temperature = temperature

    def parameter(self, name: str) -> torch.nn.Parameter:
        """Return the parameter of an array such as ``"<projection>.w"``.

        Raises
        ------
        ValueError
            With a suggestion, if there is none.
        """
        found = self._parameters.get(_key(name))
        if found is None:
            check_choice("array", name, [key.replace(_BETWEEN, ".") for key in self._parameters])
        assert found is not None
        return found

    def seed_noise(self, seeds: Sequence[int] | None) -> None:
        """Draw the numbers of engines with these noise seeds, one for each row; None: torch's."""
        self._noise_seeds = None if seeds is None else list(seeds)

    def score(self, is_scoring: bool) -> None:
        """Keep from now on the log-probabilities of all draws, which pass no gradient themselves.

        The gradient of `log_probability` is then that of every unit as an agent of its own, in
        place of one that is led through relaxed draws.
        """
        self._surrogate.log_probabilities = [] if is_scoring else None

    def log_probability(self) -> Tensor:
        """Return and forget the log-probability of what was drawn since the last time, (batch,)."""
        kept = self._surrogate.log_probabilities or []
        self.score(True)
        return torch.stack([values.sum(1) for values in kept]).sum(0)

    def initial_state(self, batch: int) -> State:
        """Return the state that a window without one begins with."""
        kind = next(self.parameters())
        values = {
            f"{name}.{variable}": torch.full(
                (batch, neurons.size), neurons.initial[variable], dtype=kind.dtype,
                device=kind.device,
            )
            for name, neurons in self.neurons.items()
            for variable in neurons.variables
        }  # fmt: skip
        return State(values)

    def record(self, populations: Iterable[str]) -> None:
        """Keep from now on the spikes of populations, with their gradients."""
        self._recorded = {name: [] for name in populations}
        for name in self._recorded:
            check_choice(
                "spiking population", name, [n for n, p in self.neurons.items() if p.is_spiking]
            )

    def recorded(self) -> dict[str, Tensor]:
        """Return and forget the recorded spikes, (timesteps, batch, neurons) each."""
        found = {name: torch.stack(rows) for name, rows in self._recorded.items()}
        self.record(self._recorded)
        return found

    def arrays(self) -> dict[str, Floats]:
        """Return the arrays that `Network.load` gives an engine: weights on a grid of 2**-20.

        Raises
        ------
        ValueError
            For weights so large that their sums would not be exact.
        """
        self._keep_within_bounds()
        found = {}
        for key, parameter in self.named_parameters():
            name = key.replace(_BETWEEN, ".")
            values = parameter.detach().cpu().numpy().astype(np.float64)
            if name in self._weights():
                values = on_grid(values)
                check_exact(name, values)
            found[name] = values
        return found

    def load(self, arrays: Mapping[str, Floats]) -> None:
        """Take over arrays by their names, as `Network.load` does."""
        with torch.no_grad():
            for name, values in arrays.items():
                parameter = self.parameter(name)
                parameter.copy_(torch.as_tensor(np.asarray(values)).expand(parameter.shape))

    def exact(self, bits: int | None = None) -> "DifferentiableNetwork":
        """Return the network that engines run, in double precision: `arrays` are what it has.

        Parameters
        ----------
        bits : int, optional
            Of each weight; see `models.grid.quantise`.
        """
        twin = DifferentiableNetwork(
            self.spec, 0, (), self.slope, self.temperature, self.has_reset_gradient,
            torch.float64,
        )  # fmt: skip
        arrays = self.arrays()
        if bits is not None:
            arrays |= {name: quantise(arrays[name], bits) for name in self._weights()}
        twin.load(arrays)
        twin.seed_noise(self._noise_seeds)
        return twin

    def _population(self, name: str) -> Neurons:
        written = {into for s in self.senders if s.target == name for into in s.into}
        written |= {graded.into for graded in self.graded if graded.target == name}
        return Neurons(self.spec.population(name), written, self.spec.timestep_ms)

    def _weights(self) -> list[str]:
        """Return the names of the arrays of weights."""
        return [s.name for s in self.senders] + [graded.name for graded in self.graded]

    def _wanted(self, trainable: Iterable[str] | None, known: Iterable[str]) -> set[str]:
        """Return the names of the arrays to train; raise ValueError for those that cannot be."""
        wanted = set(self._weights() if trainable is None else trainable)
        for name in sorted(wanted):
            check_choice("trainable array", name, known)
            if name not in self._weights() and name not in self._bounds():
                raise ValueError(
                    f"{name} cannot be trained: the neuron model does not say within which bounds "
                    "it is valid (`NeuronModel.bounds`)."
                )
        return wanted

    def _draw(self, seed: int) -> dict[str, Floats]:
        """Return the initial values of all arrays that differ between neurons or links."""
        found: dict[str, Floats] = {}
        links: list[Projection | Modulation] = [*self.spec.projections, *self.spec.modulations]
        for name, part in zip(self._weights(), links, strict=True):
            row = np.empty((1, len(part.pre)))
            draw_weights(part, [seed], row)
            found[name] = row[0]
        for population in self.spec.populations:
            for parameter in population.heterogeneity:
                row = np.empty((1, population.size))
                draw_parameter(population, parameter, [seed], row)
                found[f"{population.name}.{parameter}"] = row[0]
        return found

    def _bounds(self) -> dict[str, tuple]:
        """Return the bounds of arrays, where they have some."""
        found: dict[str, tuple] = {sender.name: sender.bounds for sender in self.senders}
        for population in self.spec.populations:
            for parameter, bounds in population.neuron.bounds.items():
                found[f"{population.name}.{parameter}"] = bounds
        return found

    def _keep_within_bounds(self) -> None:
        """Put back what a step of an optimiser has moved out of its bounds."""
        for name, bounds in self._limits.items():
            parameter = self.parameter(name)
            low, high = (torch.as_tensor(bound, dtype=parameter.dtype) for bound in bounds)
            parameter.data.clamp_(low.to(parameter.device), high.to(parameter.device))


_BETWEEN = "/"


def _key(name: str) -> str:
    """Return what a parameter of the module is called: a dot is no part of its names."""
    return name.replace(".", _BETWEEN)
