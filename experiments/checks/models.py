"""Promises of architectures, tried with small parts of several sizes."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from threefactor.experiments.checks.report import Broken
from threefactor.experiments.checks.settings import SETTINGS
from threefactor.experiments.checks.small_network import ENGINE
from threefactor.models import Architecture, Parts
from threefactor.models.network import Network
from threefactor.models.neurons import NEURONS
from threefactor.models.specification import NetworkSpec
from threefactor.rules import RULES, Rule
from threefactor.rules.td_ltp import ContinuousTemporalDifferenceLTP

#: (number of inputs, number of actions or dimensions, timestep in ms)
SIZES = ((1, 2, 1.0), (6, 3, 0.5), (12, 1, 1.0))
SEEDS, STEPS, RATE_HZ = (3, 4), 20, 100.0


def small_parts(
    model: Architecture, n_inputs: int = 6, n_actions: int = 3, timestep_ms: float = 1.0
) -> Parts:
    """Return parts that an architecture can be filled with."""
    neuron = NEURONS["escape-lif"]()
    rule: Rule = RULES["reinforce"]()
    critic_rule: Rule = RULES["td-critic"]()
    if model.needs_weight_clock:
        rule = critic_rule = ContinuousTemporalDifferenceLTP(weight_period_ms=timestep_ms)
    return Parts(n_inputs, n_actions, neuron, neuron, rule, critic_rule, timestep_ms=timestep_ms)


def _specifications(model: Architecture) -> Iterator[tuple[Parts, NetworkSpec]]:
    for size in SIZES:
        parts = small_parts(model, *size)
        try:
            yield parts, model.build(parts)
        except (ValueError, TypeError) as error:
            raise Broken(f"{_told(parts)}: {error}") from error


def _told(parts: Parts) -> str:
    return f"{parts.n_inputs} inputs, {parts.n_actions} actions"


def builds(model: Architecture) -> str:
    """Build for any number of inputs and actions, with the parts' timestep."""
    for parts, spec in _specifications(model):
        if not isinstance(spec, NetworkSpec):
            raise Broken(f"expected a NetworkSpec, got {type(spec).__name__}.")
        if spec.timestep_ms != parts.timestep_ms:
            raise Broken(
                f"expected a timestep of {parts.timestep_ms} ms, got {spec.timestep_ms} ms; write "
                "NetworkSpec(..., timestep_ms=parts.timestep_ms)."
            )
    plastic = [f"{p.name}: {type(p.rule).__name__}" for p in spec.projections if p.rule is not None]
    return ", ".join(plastic) or "nothing is plastic"


def sizes(model: Architecture) -> str:
    """Take an input for each of the encoder's, and give every action its output neurons."""
    for parts, spec in _specifications(model):
        n_inputs, output = spec.population(spec.input).size, spec.population(spec.output)
        if n_inputs != parts.n_inputs:
            raise Broken(f"{_told(parts)}: expected as many input neurons, got {n_inputs}.")
        expected = np.repeat(np.arange(parts.n_actions), model.neurons_per_action)
        if output.size != expected.size:
            raise Broken(
                f"{_told(parts)}: expected {model.neurons_per_action} output neurons for each "
                f"action, got {output.size}."
            )
        if output.modules is not None and not np.array_equal(output.modules, expected):
            raise Broken(
                f"{_told(parts)}: expected output neurons action by action, as decoders do."
            )
    return ""


def repeats(model: Architecture) -> str:
    """Be the same network when it is built again."""
    for parts, spec in _specifications(model):
        if not _equal(spec, model.build(parts)):
            raise Broken(
                f"{_told(parts)}: expected the same network again, got another; draw what is "
                "random from a seed among the fields, or let Uniform and Normal draw weights."
            )
    return ""


def _equal(one: Any, other: Any) -> bool:
    if is_dataclass(one) and type(one) is type(other):
        names = [field.name for field in fields(one)]
        return all(_equal(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(np.array_equal(one, other)) if isinstance(one, np.ndarray) else one == other


def window(model: Architecture) -> str:
    """Run a decision window and learn from it; weights stay finite and within their bounds."""
    total = 0.0
    for parts, spec in _specifications(model):
        with closing(Network(spec, SEEDS, SEEDS, ENGINE)) as network:
            outputs = _one_decision(network, parts)
            total += float(np.abs(outputs).sum())
            if not np.all(np.isfinite(outputs)):
                raise Broken(f"{_told(parts)}: expected finite outputs, got {outputs}.")
            for name, weights in network.weights().items():
                low, high = (network.replicated(f"{name}.{bound}") for bound in ("w_min", "w_max"))
                if not np.all((low <= weights) & (weights <= high)):
                    raise Broken(
                        f"{_told(parts)}: expected {name}.w within its bounds, got others."
                    )
    return f"{total:g} output spikes in {len(SIZES)} windows of {STEPS} timesteps"


def _one_decision(network: Network, parts: Parts) -> Any:
    outputs = network.advance(np.full((network.replicas, parts.n_inputs), RATE_HZ), STEPS).copy()
    chosen = np.zeros(network.replicas, int) if network.reads_choice else None
    network.close_decision(chosen)
    network.consolidate(np.full(network.replicas, 0.5))
    network.reinforce(np.full(network.replicas, 0.5), np.zeros(network.replicas, bool))
    network.start_episode(np.ones(network.replicas, bool))
    return outputs


def replicas(model: Architecture) -> str:
    """Give a replica the weights and spikes that it would have alone with its seed."""
    for parts, spec in _specifications(model):
        with closing(Network(spec, SEEDS, SEEDS, ENGINE)) as network:
            together = _one_decision(network, parts)
            weights = network.weights()
        for row, seed in enumerate(SEEDS):
            with closing(Network(spec, (seed,), (seed,), ENGINE)) as network:
                alone = _one_decision(network, parts)
                own = network.weights()
            if not np.array_equal(alone[0], together[row]) or any(
                not np.array_equal(own[name][0], weights[name][row]) for name in own
            ):
                raise Broken(f"{_told(parts)}: replica {row} is another network alone.")
    return ""


PROMISES = (*SETTINGS, builds, sizes, repeats, window, replicas)
