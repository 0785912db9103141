"""Check that the strings of a neuron model fit the contract, without a network."""

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np

from threefactor.models.neurons.contract import REWARD_VARIABLES, NeuronModel
from threefactor.naming import suggest
from threefactor.rules.checks import check_rule_units
from threefactor.rules.contract import Rule, parameter_values
from threefactor.rules.language import (
    Equations,
    parse_equations,
    parse_expression,
    parse_statements,
)
from threefactor.rules.language.classes import (
    check_dataclass,
    check_flags,
    check_mapping,
    check_strings,
    check_tuple_of_names,
    once,
)
from threefactor.rules.language.equations import unit_dimension
from threefactor.rules.language.names import check_name
from threefactor.rules.language.scope import (
    ARGUMENTS,
    Scope,
    check_block,
    check_condition,
    check_equations,
    check_expression,
    check_linear,
)
from threefactor.rules.language.source import Source
from threefactor.rules.language.units import DIMENSIONLESS, SECOND, Dimension

#: Functions that draw random numbers -> number of their arguments.
DRAWS = {"uniform": 2, "gaussian": 2, "geometric": 3}
#: Functions that a neuron may call -> number of their arguments.
NEURON_ARGUMENTS = {**ARGUMENTS, "expm1": 1, "exprel": 1, **DRAWS}
#: How Brian2 can integrate a neuron's equations.
METHODS = ("exact", "exponential_euler", "euler", "rk2", "rk4", "heun", "milstein")

_STATEMENTS = ("integrate", "before_threshold", "before_window", "reset")
_SENSITIVITY = ("sensitivity_on_pre", "sensitivity_on_post", "sensitivity_each_step")
_STRINGS = (
    "equations", *_STATEMENTS, "threshold", "refractory", "method", "sensitivity_equations",
    *_SENSITIVITY, "readout", "membrane", "drive",
)  # fmt: skip
_LATE = "a neuron's equations are integrated in every timestep, leave it out"
_ALWAYS = 'it needs refractory = "..." of this neuron'

Parameters = tuple[tuple[str, tuple[float, str]], ...]


def check_neuron_class(neuron: type[NeuronModel]) -> None:
    """Raise ValueError or TypeError unless the strings of a neuron model fit the contract.

    Checked: a frozen dataclass derived from `NeuronModel`; each block can be read, uses only names
    of its own, in units that agree; constants are finite; ports, initial values, noise, readout,
    membrane and drive name what exists. A class that passed is not looked at again.
    """
    if not (isinstance(neuron, type) and issubclass(neuron, NeuronModel)):
        raise TypeError(f"{neuron!r} must be a class derived from threefactor.NeuronModel.")
    check_dataclass(neuron)
    _check_neuron_class(neuron)


def check_neuron_values(neuron: NeuronModel) -> None:
    """Raise ValueError unless what a neuron's strings make of its own parameters is finite."""
    _check_blocks(type(neuron), tuple(parameter_values(neuron).items()))


def check_rule_fits(rule: Rule, source: NeuronModel, target: NeuronModel) -> None:
    """Raise ValueError unless a rule's strings can stand between two neurons.

    Checked: units of what it reads of the postsynaptic neuron, constants at its own parameters, and
    that no name at the synapse is one of the neurons' as well.
    """
    check_rule_units(rule, target.units)
    own = {*parse_equations(rule.equations).units, *parameter_values(rule)}
    for neuron in (target, source):
        for name in sorted(own & neuron.units.keys()):
            raise ValueError(
                f"{type(rule).__name__}: {name!r} is also a name of {type(neuron).__name__}, "
                "and a synapse cannot tell them apart. Choose another name."
            )


@once
def _check_neuron_class(neuron: type[NeuronModel]) -> None:
    owner = neuron.__name__
    check_strings(neuron, *_STRINGS)
    for attribute in ("noise", "noise_fields"):
        check_tuple_of_names(neuron, attribute)
    check_mapping(neuron, "ports", "{'current': 'v += w*mV'}", str)
    check_mapping(neuron, "initial", "{'v': 'v_rest'}", str, int, float)
    check_flags(neuron, "spontaneous", "hears_reward")
    if neuron.method not in METHODS:
        raise ValueError(
            f"{owner}.method must be one of {', '.join(METHODS)}, got {neuron.method!r}."
            f"{suggest(neuron.method, METHODS)}"
        )
    if not neuron.threshold.strip() and (neuron.reset.strip() or neuron.refractory.strip()):
        raise ValueError(f"{owner}: reset and refractory act on spikes; give it a threshold.")
    parameters = parameter_values(neuron())
    _check_blocks(neuron, tuple(parameters.items()))
    variables = {line.variable for line in _equations(neuron, "equations") if line.is_stored}
    membrane = "" if neuron.membrane == NeuronModel.membrane else neuron.membrane
    heard = REWARD_VARIABLES if neuron.hears_reward else ()
    for attribute, names in (
        ("initial", neuron.initial), ("readout", [neuron.readout]), ("membrane", [membrane]),
        ("hears_reward", heard),
    ):  # fmt: skip
        for name in names:
            if name and name not in variables:
                raise ValueError(
                    f"{owner}.{attribute} names {name!r}, which is no variable of its equations."
                    f"{suggest(name, variables)} They have: {', '.join(variables) or 'none'}."
                )
    for variable, start in neuron.initial.items():
        if isinstance(start, str) and start not in parameters:
            raise ValueError(
                f"{owner}.initial[{variable!r}]: no parameter {start!r}."
                f"{suggest(start, parameters)} It has: {', '.join(parameters) or 'none'}."
            )
    _check_bounds(neuron, parameters)
    _check_promises(neuron, parameters)


def _check_bounds(neuron: type[NeuronModel], parameters: Mapping[str, tuple[float, str]]) -> None:
    """Raise TypeError or ValueError unless bounds are pairs around a parameter's default."""
    check_mapping(neuron, "bounds", "{'membrane_decay': (0.0, 1.0)}", tuple)
    for name, limits in neuron.bounds.items():
        where = f"{neuron.__name__}.bounds[{name!r}]"
        if name not in parameters:
            raise ValueError(
                f"{where}: no parameter {name!r}.{suggest(name, parameters)} "
                f"It has: {', '.join(parameters) or 'none'}."
            )
        if len(limits) != 2 or not limits[0] <= parameters[name][0] <= limits[1]:
            raise ValueError(
                f"{where} must be the least and the greatest value, with the default between, got "
                f"{limits}."
            )


def _check_promises(neuron: type[NeuronModel], parameters: Mapping[str, object]) -> None:
    """Raise TypeError or ValueError unless what is said about errors can be measured."""
    owner = neuron.__name__
    if neuron.drive not in {*parameters, NeuronModel.drive, ""}:
        raise ValueError(
            f"{owner}.drive: no parameter {neuron.drive!r}.{suggest(neuron.drive, parameters)} "
            f"It has: {', '.join(parameters) or 'none'}."
        )
    known = [field.name for field in fields(neuron)]
    for name in neuron.noise_fields:
        if name not in known:
            raise ValueError(
                f"{owner}.noise_fields: no field {name!r}.{suggest(name, known)} It has: "
                f"{', '.join(known) or 'none'}."
            )
    for promise in ("largest_psp_error", "largest_rate_error"):
        value = getattr(neuron, promise)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise TypeError(
                f"{owner}.{promise} must be a number > 0, a share such as 0.05 or inf, got "
                f"{value!r}."
            )


def _equations(neuron: type[NeuronModel], block: str) -> Equations:
    return parse_equations(getattr(neuron, block), f"{neuron.__name__}.{block}")


@once
def _check_blocks(neuron: type[NeuronModel], parameters: Parameters) -> None:
    """Raise ValueError for what the blocks cannot use."""
    owner, equations = neuron.__name__, _equations(neuron, "equations")
    _check_names(neuron, dict(parameters), equations)
    scope = _scope(neuron, dict(parameters), equations)
    flags = {"clock-driven": _LATE, "event-driven": _LATE}
    if not neuron.refractory:
        flags["unless refractory"] = _ALWAYS
    check_equations(equations, scope, flags)
    if neuron.method == "exact":
        check_linear(equations)
    own = replace(scope, writable=frozenset(v.variable for v in equations if v.is_writable))
    for block in _STATEMENTS:
        check_block(parse_statements(getattr(neuron, block), f"{owner}.{block}"), own)
    at_synapse = replace(own, known={**own.known, "w": DIMENSIONLESS})
    for port, code in neuron.ports.items():
        check_block(parse_statements(code, f"{owner}.ports[{port!r}]"), at_synapse)
    for block in ("threshold", "refractory"):
        if getattr(neuron, block).strip():
            _check_condition(neuron, block, scope)
    _check_sensitivity(neuron, dict(parameters), equations)


def _check_names(
    neuron: type[NeuronModel], parameters: Mapping[str, tuple[float, str]], equations: Equations
) -> None:
    owner = neuron.__name__
    for name in parameters:
        check_name(name, f"{owner}: the parameter")
    for name in sorted(equations.units.keys() & parameters.keys()):
        raise ValueError(f"{owner}: {name!r} is both a variable and a parameter.")
    for purpose in neuron.noise:
        if f"{purpose}_stream" in {*equations.units, *parameters}:
            raise ValueError(f"{owner}: {purpose}_stream is the stream of its noise; rename it.")


def _scope(
    neuron: type[NeuronModel], parameters: Mapping[str, tuple[float, str]], equations: Equations
) -> Scope:
    """Return what the strings of the neuron itself may read."""
    known: dict[str, Dimension | None] = {
        name: unit_dimension(unit) for name, (_, unit) in parameters.items()
    }
    known |= {line.variable: line.dimension for line in equations}
    known |= {f"{purpose}_stream": DIMENSIONLESS for purpose in neuron.noise}
    known |= {"dt": SECOND, "t": SECOND, "t_in_timesteps": DIMENSIONLESS, "inf": DIMENSIONLESS}
    booleans = {name for name, unit in equations.units.items() if unit == "boolean"}
    if neuron.refractory:
        known |= {"lastspike": SECOND, "not_refractory": DIMENSIONLESS}
        booleans.add("not_refractory")
    return Scope(
        known, functions=NEURON_ARGUMENTS,
        constants={"inf": np.inf, **{name: value for name, (value, _) in parameters.items()}},
        booleans=frozenset(booleans), has_units=True, has_temporaries=True,
    )  # fmt: skip


def _check_condition(neuron: type[NeuronModel], block: str, scope: Scope) -> None:
    """Check a threshold, or what a neuron is refractory by: a condition or a time."""
    source = Source(getattr(neuron, block), f"{neuron.__name__}.{block}")
    expression = parse_expression(source.text, source.where)
    if block == "refractory" and check_expression(source, expression, scope) == SECOND:
        return
    check_condition(source, expression, scope)


def _check_sensitivity(
    neuron: type[NeuronModel], parameters: Mapping[str, tuple[float, str]], equations: Equations
) -> None:
    """Check the strings that run at a synapse, where the neuron's variables end in _post."""
    owner, own = neuron.__name__, _equations(neuron, "sensitivity_equations")
    if "sensitivity" not in own.units and any(getattr(neuron, b).strip() for b in _SENSITIVITY):
        raise ValueError(f"{owner}.sensitivity_equations must define the variable 'sensitivity'.")
    known: dict[str, Dimension | None] = {
        name: unit_dimension(unit) for name, (_, unit) in parameters.items()
    }
    known |= {f"{line.variable}_post": line.dimension for line in equations}
    known |= {line.variable: line.dimension for line in own}
    known |= {"dt": SECOND, "t": SECOND, "inf": DIMENSIONLESS}
    scope = Scope(
        known,
        writable=frozenset(line.variable for line in own if line.is_writable),
        functions={n: count for n, count in NEURON_ARGUMENTS.items() if n not in DRAWS},
        constants={name: value for name, (value, _) in parameters.items()},
        elsewhere={v: f"a synapse reads it as {v}_post" for v in equations.units},
        has_units=True, has_temporaries=True,
    )  # fmt: skip
    check_equations(own, scope, {"unless refractory": _ALWAYS})
    check_linear(own)
    for block in _SENSITIVITY:
        check_block(parse_statements(getattr(neuron, block), f"{owner}.{block}"), scope)
