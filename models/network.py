"""A live network of R agents: rates, times or numbers in, counts out, third factor to weights."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threefactor.masks import all_of
from threefactor.models.addresses import on_neuron, rate_arrays, update_array
from threefactor.models.assembly import assemble
from threefactor.models.drawing import draw_parameter, draw_weights
from threefactor.models.engine import open_engine
from threefactor.models.engine.noise import stream_ids
from threefactor.models.grid import check_bits, quantise
from threefactor.models.host import (
    check_third_factor,
    input_array,
    mean_value,
    reward_populations,
    signal_arrays,
    steps_to_spike,
    third_factor_populations,
)
from threefactor.models.neurons.contract import REWARD_VARIABLES
from threefactor.models.specification import NetworkSpec, Projection
from threefactor.rules.contract import AGREEMENT
from threefactor.rules.language import parse_equations, parse_statements
from threefactor.rules.updates import moves_within_windows, normalise_incoming

Floats = NDArray[np.float64]


class Network:
    """R replicas of a specification in one Brian2 network, each with its own weights and noise.

    Replica r gives the same spikes as a network of one replica built with ``seeds[r]``.

    Parameters
    ----------
    spec : NetworkSpec
        Network of one agent.
    noise_seeds, weight_seeds : sequences of R ints
        Seeds of the noise and of initial weights and heterogeneous parameters.
    engine : str, default "auto"
        See `models.engine.open_engine`.
    is_learning : bool, default True
        False: the frozen twin; learning rates are zero and nothing is consolidated.

    Attributes
    ----------
    replicas, n_inputs, n_outputs : int
    told : (replicas, n_inputs)
        Where what `advance` is told may be written, so that it need not be copied.
    spike_counts : dict of str to (replicas, neurons)
        Population -> spikes of the last window; views that the next window overwrites.
    reads_choice : bool
        Whether a rule compares its neuron with the action taken.
    reward_steps : int
        Timesteps, 0 or 1, that `reinforce` adds to a window.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        noise_seeds: Sequence[int],
        weight_seeds: Sequence[int],
        engine: str = "auto",
        is_learning: bool = True,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.spec = spec
        self.replicas = len(noise_seeds)
        self._everyone = np.ones(self.replicas, bool)
        self.is_learning = is_learning
        self._plan = assemble(spec, self.replicas)
        self.n_inputs = spec.population(spec.input).size
        self.n_outputs = spec.population(spec.output).size
        self.engine = open_engine(self._plan, engine, say)
        self._normalised = [
            (p, p.incoming_sum) for p in spec.projections if p.incoming_sum is not None
        ]
        self._normalised_by_window = [
            (p, total)
            for p, total in self._normalised
            if p.rule is not None and moves_within_windows(p.rule)
        ]
        self._draw(noise_seeds, weight_seeds)
        if not is_learning:
            self.freeze()
        self._input = self.replicated(input_array(spec))
        self._is_timed = spec.population(spec.input).neuron.takes == "spike_times_ms"
        self.told = np.zeros(self._input.shape) if self._is_timed else self._input
        self.spike_counts = {
            group.name: self.replicated(f"{group.name}.spike_count")
            for group in self._plan.groups
            if group.threshold
        }
        self._spike_counts = list(self.spike_counts.values())
        self._outputs = self._activity(spec.output)
        if spec.critic is not None:
            self._critic = self._activity(spec.critic)
        self._decision_blocks = self._blocks("decision")
        self._learning_blocks = [*self._blocks("deliver"), *self._blocks("consolidate")]
        self._episode_blocks = self._blocks("episode")
        self._episode_targets = self._find_targets("at_episode")
        self._third_factors = {
            name: self.replicated(f"{name}.third_factor") for name in third_factor_populations(spec)
        }
        # Neurons first: a scalar for each replica fits without another axis.
        self._by_neuron = [
            (name, view.T, spec.population(name).valence)
            for name, view in self._third_factors.items()
        ]
        self._learning_targets = [
            *self._third_factors.values(),
            *self._find_targets("post_on_delivery"),
            *self._find_targets("consolidate"),
        ]
        self._signals = [
            (signal, population, self.replicated(array))
            for signal, population, array in signal_arrays(spec)
        ]
        self._agreements = [row[1:] for row in self._signals if row[0] == AGREEMENT]
        self.reads_choice = bool(self._agreements)
        self._rewarded = [
            tuple(self.replicated(f"{name}.{variable}") for variable in REWARD_VARIABLES)
            for name in reward_populations(spec)
        ]
        self.reward_steps = int(bool(self._rewarded))
        self._resets = self._initial_values(("episode", "decision"))
        self._decision_resets = self._initial_values(("decision",))

    def freeze(self) -> None:
        """Switch plasticity off for good: no learning rate is left, nothing is consolidated."""
        self.is_learning = False
        for projection in self.spec.projections:
            for name in rate_arrays(projection):
                if name in self._plan.data:
                    self.engine.array(name)[:] = 0.0

    @property
    def lazy_time_constants(self) -> set[str]:
        """Names of the time constants that must not fall below what the network was built with."""
        return set(self._plan.decay.values())

    def replicated(self, name: str) -> NDArray[Any]:
        """Return the writable view ``(replicas, elements)`` of an array in SI units."""
        return self.engine.array(name).reshape(self.replicas, -1)

    def _blocks(self, kind: str) -> list[str]:
        """Return the demand blocks of a kind, but for those with a clock of their own."""
        periodic = self._plan.periods_ms
        return [b.name for b in self._plan.demand if b.kind == kind and b.name not in periodic]

    def _activity(self, population: str) -> NDArray[Any]:
        neuron = self.spec.population(population).neuron
        variable = "spike_count" if neuron.threshold else neuron.readout
        return self.replicated(f"{population}.{variable}")

    def _draw(self, noise_seeds: Sequence[int], weight_seeds: Sequence[int]) -> None:
        for name, purpose in self._plan.noise:
            streams = self.replicated(f"{name}.{purpose}_stream")
            for row, seed in zip(streams, noise_seeds, strict=True):
                row[:] = stream_ids(seed, name, purpose, row.size)
        for projection in self.spec.projections:
            draw_weights(projection, weight_seeds, self.replicated(f"{projection.name}.w"))
        for modulation in self.spec.modulations:
            draw_weights(modulation, weight_seeds, self.replicated(f"{modulation.name}.weight"))
        self._normalise(self._normalised, self._everyone)
        for population in self.spec.populations:
            for parameter in population.heterogeneity:
                values = self.replicated(f"{population.name}.{parameter}")
                draw_parameter(population, parameter, weight_seeds, values)

    def _initial_values(self, policies: tuple[str, ...]) -> list[tuple[NDArray, NDArray]]:
        pairs = []
        for name, policy in self._plan.resets.items():
            if policy in policies:
                view = self.replicated(name)
                pairs.append((view, view.copy()))
        return pairs

    def _find_targets(self, block: str) -> list[NDArray]:
        """Return the views of what a block of the rules may change when the host runs it."""
        names = []
        for projection in self.spec.projections:
            rule = projection.rule
            if rule is None or not getattr(rule, block):
                continue
            writes = parse_statements(getattr(rule, block)).writes
            if block == "post_on_delivery":
                names += [on_neuron(projection, projection.target, name) for name in writes]
            elif block == "at_episode" or not rule.weight_clock:
                names += [f"{projection.name}.{variable}" for variable in sorted({"w"} | writes)]
                moments = parse_equations(projection.update.equations).units
                names += [update_array(projection, variable) for variable in moments]
        return [self.replicated(name) for name in names]

    def advance(self, told: Floats, steps: int) -> Floats:
        """Simulate one decision window and return what the decoder reads.

        Parameters
        ----------
        told : (replicas, n_inputs)
            What the neurons of the input take: rates in Hz; spike times in ms from the window's
            start, one for each neuron, inf or NaN for no spike; or numbers.
        steps : int
            Timesteps of the window, >= 1.

        Returns
        -------
        (replicas, n_outputs) spike counts of the window, or the readout variable of neurons that do
        not spike; a view that the next window overwrites.
        """
        if self._is_timed:
            self._input[...] = steps_to_spike(told, self.spec.timestep_ms)
        elif told is not self.told:
            self._input[...] = told
        for counts in self._spike_counts:
            counts.fill(0.0)
        self._simulate(steps)
        return self._outputs

    def _simulate(self, steps: int) -> None:
        self.engine.advance(steps)
        if self._normalised_by_window and self.is_learning:
            self._normalise(self._normalised_by_window, self._everyone)

    def reinforce(self, rewards: Floats, terminated: NDArray[np.bool_]) -> None:
        """Go on with the window by one timestep, in which neurons hear what the decision brought.

        Nothing happens if none of them does (`reward_steps`).

        Parameters
        ----------
        rewards, terminated : (replicas,)
        """
        if not self._rewarded:
            return
        heard = (rewards / (self.spec.timestep_ms * 1e-3), terminated)
        for views in self._rewarded:
            for view, values in zip(views, heard, strict=True):
                view[...] = values[:, None]
        self._simulate(self.reward_steps)
        for views in self._rewarded:
            for view in views:
                view.fill(0.0)

    def first_spikes_ms(self, window_start_step: int) -> Floats:
        """Return the output neurons' first spikes of the window, in ms; inf: silent."""
        counts = self.replicated(f"{self.spec.output}.spike_count")
        times = self.replicated(f"{self.spec.output}.first_spike") * 1e3
        start = window_start_step * self.spec.timestep_ms
        return np.where(counts > 0, times - start, np.inf)

    def values(self, chosen: NDArray[np.int_] | None = None) -> Floats:
        """Return the critic's activity in the last window, ``(replicas,)``.

        Spike counts, or the readout of neurons that do not spike; see `models.host.mean_value`.

        Parameters
        ----------
        chosen : optional
            As in `close_decision`, for neurons that stand for actions.
        """
        assert self.spec.critic is not None
        return mean_value(self._critic, self.spec.population(self.spec.critic), chosen)

    def close_decision(self, chosen: NDArray[np.int_] | None = None) -> None:
        """Bank the window's eligibility.

        Parameters
        ----------
        chosen : (replicas,) or (replicas, n_components), optional
            The modules of the output that stand for the action of each replica.
        """
        if chosen is not None:
            for population, agreement in self._agreements:
                self._write_agreement(population, agreement, chosen)
        if self.is_learning:
            for block in self._decision_blocks:
                self.engine.run_block(block)
        for view, initial in self._decision_resets:
            view[...] = initial

    def _write_agreement(
        self, population: str, agreement: Floats, chosen: NDArray[np.int_]
    ) -> None:
        """+1 where a neuron's activity agrees with the action taken, else -1."""
        modules = self.spec.population(population).modules
        assert modules is not None  # the specification refuses it
        fired = self.replicated(f"{population}.spike_count") > 0
        belongs = (modules[:, None] == np.reshape(chosen, (self.replicas, 1, -1))).any(axis=2)
        agreement[...] = np.where(fired == belongs, 1.0, -1.0)

    def consolidate(
        self,
        third_factor: Floats,
        vectors: Mapping[str, Floats] = MappingProxyType({}),
        delivers: NDArray[np.bool_] | None = None,
    ) -> None:
        """Deliver a third factor and let weights follow.

        Parameters
        ----------
        third_factor : (replicas,), or (replicas, n_outputs) if nothing but the output learns
            For every population that learns and has no vector of its own, with the sign of each
            neuron's valence.
        vectors : mapping of population to (replicas, neurons), default empty
            Third factors of single neurons; the population "" is the output.
        delivers : (replicas,) bool, optional
            Replicas that hear it: nothing happens to the others. None: all of them.

        Raises
        ------
        ValueError
            See `models.host.check_third_factor`.
        """
        if not self.is_learning:
            return
        has_scalar = third_factor.ndim == 1
        own = vectors if has_scalar else {self.spec.output: third_factor}
        if own:
            own = {name or self.spec.output: values for name, values in own.items()}
            sizes = {name: values.shape[-1] for name, values in own.items()}
            check_third_factor(self.spec, sizes, has_scalar)
        mask = self._everyone if delivers is None else delivers
        kept = _rows_of_others(mask, self._learning_targets)
        for population, view, valence in self._by_neuron:
            if population in own:
                view[...] = own[population].T
            else:
                view[...] = third_factor if valence is None else valence[:, None] * third_factor
        for block in self._learning_blocks:
            self.engine.run_block(block)
        if kept:
            _put_back(kept)
        if self._normalised:
            self._normalise(self._normalised, mask)

    def write(self, signal: str, values: Floats, target: str | None = None) -> None:
        """Write a modulator beside the third factor, before `close_decision`.

        Every rule that declares the signal in its `host_writes` gets it; with a `target`, only the
        rules of projections onto that population.

        Parameters
        ----------
        signal : str
            For example ``"learning_signal"``.
        values : (replicas,) or (replicas, neurons of the target)
        """
        targets = [
            view
            for name, population, view in self._signals
            if name == signal and target in (None, population)
        ]
        if not targets:
            where = f" at {target!r}" if target else ""
            waits = dict.fromkeys(name for name, _, _ in self._signals)
            raise ValueError(
                f"Network.write: no rule waits for the signal {signal!r}{where}; "
                f"rules wait for: {', '.join(waits) or 'none'}."
            )
        for view in targets:
            view[...] = values[:, None] if values.ndim == 1 else values

    def _normalise(
        self, projections: list[tuple[Projection, float]], mask: NDArray[np.bool_]
    ) -> None:
        """Restore the sums of incoming weights in the marked replicas, as far as bounds allow."""
        for projection, total in projections:
            n_post = self.spec.population(projection.target).size
            w = self.replicated(f"{projection.name}.w")
            rows = w[mask]
            normalise_incoming(rows, projection.post, n_post, total)
            low = self.replicated(f"{projection.name}.w_min")[mask]
            w[mask] = np.clip(rows, low, self.replicated(f"{projection.name}.w_max")[mask])

    def start_episode(self, mask: NDArray[np.bool_]) -> None:
        """Update what the marked replicas learn at a trial's end, then reset their state."""
        if self._episode_blocks and self.is_learning:
            kept = _rows_of_others(mask, self._episode_targets)
            for block in self._episode_blocks:
                self.engine.run_block(block)
            _put_back(kept)
            self._normalise(self._normalised, mask)
        is_everyone = all_of(mask)
        for view, initial in self._resets:
            if is_everyone:
                view[...] = initial
            else:
                view[mask] = initial[mask]

    def weights(self) -> dict[str, Floats]:
        """Return copies of all weights, projection -> (replicas, n_synapses)."""
        return {p.name: self.replicated(f"{p.name}.w").copy() for p in self.spec.projections}

    def load(self, arrays: Mapping[str, Floats], replica: int | None = None) -> None:
        """Write arrays by their names, such as those of a network that was trained elsewhere.

        Parameters
        ----------
        arrays : mapping of ``"<owner>.<variable>"`` to (elements,) or (replicas, elements)
            In SI units; what has no row for each replica is written to all of them. Parameters of
            neurons have elements where the population is heterogeneous in them.
        replica : int, optional
            The only one that is written to, by arrays of (elements,); None: all of them.

        Raises
        ------
        KeyError
            If there is no such array.
        ValueError
            If it has another number of elements.
        """
        for name, values in arrays.items():
            view = self.replicated(name)
            if np.shape(values)[-1:] != view.shape[1:]:
                raise ValueError(
                    f"Network.load: {name} has {view.shape[1]} elements, got "
                    f"{np.shape(values)}; train and run the same NetworkSpec."
                )
            view[... if replica is None else replica] = values

    def quantise(self, bits: int) -> None:
        """Round all weights, graded ones too, to a few bits; see `models.grid.quantise`.

        Each projection of each replica has a step of its own.
        """
        check_bits(bits)
        names = [f"{projection.name}.w" for projection in self.spec.projections]
        for name in [
            *names,
            *(f"{modulation.name}.weight" for modulation in self.spec.modulations),
        ]:
            for row in self.replicated(name):
                row[:] = quantise(row, bits)

    def close(self) -> None:
        """Free the engine."""
        self.engine.close()


#: Views, and what they hold of the replicas in a mask.
Kept = list[tuple[NDArray, NDArray[np.bool_], NDArray]]


def _rows_of_others(mask: NDArray[np.bool_], views: list[NDArray]) -> Kept:
    """Return what the views hold of replicas that are not marked; empty if all are."""
    if all_of(mask):
        return []
    others = ~mask
    return [(view, others, view[others]) for view in views]


def _put_back(kept: Kept) -> None:
    """Undo what has happened since to the replicas that were not marked."""
    for view, others, values in kept:
        view[others] = values
