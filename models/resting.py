"""Synapses that no timestep changes until their presynaptic neuron spikes.

The PSP that a synapse has caused is 0 until its first presynaptic spike, and with it whatever the
timestep adds to its eligibility: most synapses of one-hot inputs and place cells are at rest in
most windows. Found here is what must be 0 for that; engines may then pass such synapses over.
"""

from collections.abc import Set
from itertools import chain, combinations

from threefactor.rules.language import Block, Equations
from threefactor.rules.language.expressions import Call, Expression, Name, Number, Operation

#: Functions that are 0 at 0.
_ZERO_AT_ZERO = ("abs", "sqrt", "int", "sign", "tanh")


def find_resting(equations: Equations, each_step: Block, on_post: Block) -> tuple[str, ...]:
    """Return the variables of a synapse that, all 0, let it rest.

    Empty where none do, or where timesteps do nothing at synapses anyway.

    As long as they are 0, equations and `each_step` leave every variable as it is, and
    postsynaptic spikes (`on_post`) leave them 0. As few as possible are returned.
    """
    if not each_step.statements and not any(line.is_differential for line in equations):
        return ()
    variables = equations.stored
    subsets = (combinations(variables, size) for size in range(1, len(variables) + 1))
    for zero in chain.from_iterable(subsets):
        if _rests(equations, each_step, on_post, frozenset(zero)):
            return zero
    return ()


def _rests(equations: Equations, each_step: Block, on_post: Block, zero: Set[str]) -> bool:
    """Return whether a synapse whose variables in `zero` are 0 is left as it is."""
    short = {line.variable: line.expression for line in equations if line.kind == "subexpression"}

    def is_zero(expression: Expression | None) -> bool:
        match expression:
            case Number(value):
                return value == 0
            case Name(text) if text in short:
                return is_zero(short[text])
            case Name(text):
                return text in zero
            case Operation("*", parts):
                return any(is_zero(part) for part in parts)
            case Operation("+" | "-", parts):
                return all(is_zero(part) for part in parts)
            case Operation("/" | "%", (top, _)):
                return is_zero(top)
            case Call(function, (argument,)):
                return function in _ZERO_AT_ZERO and is_zero(argument)
        return False

    still = all(
        line.variable in zero and is_zero(line.expression)
        for line in equations
        if line.is_differential
    )
    unmoved = all(
        statement.target in zero
        if statement.operator in ("*=", "/=")
        else is_zero(statement.expression)
        and (statement.operator in ("+=", "-=") or statement.target in zero)
        for statement in each_step
    )
    kept = all(
        statement.target not in zero
        or statement.operator in ("*=", "/=")
        or is_zero(statement.expression)
        for statement in on_post
    )
    return still and unmoved and kept
