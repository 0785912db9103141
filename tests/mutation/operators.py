"""How code is mutated: a choice of Cosmic Ray's operators, and own ones where it has none.

One replacement for each sign that makes sense: `+` becomes `-`, but not `>>`, which no array of
floats would survive and which would count as killed for nothing.
"""

from collections.abc import Iterator
from typing import Any

from cosmic_ray.ast import ast_nodes
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Class, Keyword, Name, String

from tests.mutation.equations import (
    EQUATIONS,
    EXPRESSIONS,
    RESETS,
    STATEMENTS,
    slips,
    swapped_neighbours,
)

Position = tuple[tuple[int, int], tuple[int, int]]

CHOSEN = (
    *(
        f"ReplaceBinaryOperator_{change}"
        for change in (
            "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul",
            "BitAnd_BitOr", "BitOr_BitAnd",
        )
    ),
    *(
        f"ReplaceComparisonOperator_{change}"
        for change in (
            "Eq_NotEq", "NotEq_Eq", "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE",
            "GtE_Gt", "GtE_Lt", "Is_IsNot", "IsNot_Is",
        )
    ),
    *(f"ReplaceUnaryOperator_Delete_{sign}" for sign in ("USub", "Invert", "Not")),
    "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr",
    "ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak",
    "ExceptionReplacer", "NumberReplacer", "RemoveDecorator", "ZeroIterationForLoop",
)  # fmt: skip


class _OfLeaves(Operator):  # type: ignore[misc]
    """Gives a leaf another text."""

    def texts(self, node: Any) -> Iterator[str]:
        """Yield what may stand in place of a leaf."""
        raise NotImplementedError

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        yield from ((node.start_pos, node.end_pos) for _ in self.texts(node))

    def mutate(self, node: Any, index: int) -> Any:
        node.value = list(self.texts(node))[index]
        return node


class ReplaceCall(_OfLeaves):
    """Calls a function that is easily taken for another."""

    OTHERS = {
        "round": "int", "min": "max", "max": "min", "any": "all", "all": "any",
        "minimum": "maximum", "maximum": "minimum", "floor": "ceil", "zeros": "ones",
        "zeros_like": "ones_like", "sorted": "list", "abs": "", "sqrt": "square", "std": "var",
        "mean": "sum", "sum": "mean",
    }  # fmt: skip

    def texts(self, node: Any) -> Iterator[str]:
        if isinstance(node, Name) and node.value in self.OTHERS:
            before, after = node.get_previous_leaf(), node.get_next_leaf()
            if after is not None and after.value == "(" and getattr(before, "value", "") != "def":
                yield self.OTHERS[node.value]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("round(x)", "int(x)"),)


class ReplaceMembership(_OfLeaves):
    """Exchanges ``in`` and ``not in``."""

    def texts(self, node: Any) -> Iterator[str]:
        parent = getattr(node, "parent", None)
        if isinstance(node, Keyword) and parent is not None:
            if node.value == "in" and parent.type == "comparison":
                yield "not in"
            elif node.value == "not" and parent.type == "comp_op":
                yield ""

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("x in y", "x not in y"),)


class RemoveStatement(Operator):  # type: ignore[misc]
    """Leaves out a call, a refusal, or a change of what is kept."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if node.type == "simple_stmt" and self._is_removable(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        first = node.get_first_leaf()
        node.children[0] = Name("pass", first.start_pos, first.prefix)
        return node

    @staticmethod
    def _is_removable(statement: Any) -> bool:
        if statement.type == "expr_stmt":
            target, sign = statement.children[:2]
            return sign.type == "operator" and (sign.value != "=" or target.type == "atom_expr")
        is_call = statement.type == "atom_expr" and statement.children[-1].get_code()[:1] == "("
        return is_call or statement.type == "raise_stmt"

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("f(x)\n", "pass\n"),)


class ChangeEquation(_OfLeaves):
    """Slips in the strings of a rule or a weight update."""

    def texts(self, node: Any) -> Iterator[str]:
        kind = _kind_of_string(node)
        if kind:
            known = node.get_root_node().get_code()
            start = len(node.value) - len(node.value.lstrip("rf\"'"))
            inside = node.value[start:].rstrip("\"'")
            for begin, end, other in slips(inside, kind, known):
                changed = inside[:begin] + other + inside[end:]
                yield node.value[:start] + changed + node.value[start + len(inside) :]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example('class A:\n    on_pre = "x += y"\n', 'class A:\n    on_pre = "x -= y"\n'),)


class SwapBlocks(_OfLeaves):
    """Exchanges two neighbours in the order of a rule's blocks, each of which the class writes."""

    def texts(self, node: Any) -> Iterator[str]:
        if node.type != "operator" or node.value != "(" or _target_of(node) != "order":
            return
        names = [leaf.value.strip("\"'") for leaf in ast_nodes(node.parent) if _is_string(leaf)]
        yield from (f"{one} {other}" for one, other in swapped_neighbours(names, _written(node)))

    def mutate(self, node: Any, index: int) -> Any:
        one, other = list(self.texts(node))[index].split()
        for leaf in ast_nodes(node.parent):
            if _is_string(leaf):
                name = leaf.value.strip("\"'")
                leaf.value = f'"{ {one: other, other: one}.get(name, name) }"'
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(
                'class A:\n    on_pre = ""\n    on_post = ""\n    order = ("on_pre", "on_post")\n',
                'class A:\n    on_pre = ""\n    on_post = ""\n    order = ("on_post", "on_pre")\n',
            ),
        )


class ChangeReset(_OfLeaves):
    """Returns a variable to zero at another time."""

    def texts(self, node: Any) -> Iterator[str]:
        if _is_string(node) and _target_of(node) == "resets":
            value = node.value.strip("\"'")
            if value in RESETS:
                yield from (f'"{other}"' for other in RESETS if other != value)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(
                'class A:\n    resets = {"x": "keep"}', 'class A:\n    resets = {"x": "episode"}'
            ),
        )


def _is_string(node: Any) -> bool:
    return isinstance(node, String)


def _target_of(node: Any) -> str:
    """Return the name that the statement of a class or module around a node assigns, or ""."""
    while node.parent is not None and node.parent.type not in ("funcdef", "lambdef"):
        node = node.parent
        if node.type == "expr_stmt" and node.children[0].type == "name":
            return str(node.children[0].value)
    return ""


def _kind_of_string(node: Any) -> str:
    if not _is_string(node):
        return ""
    target = _target_of(node)
    for kind, names in (
        ("equations", EQUATIONS), ("statements", STATEMENTS), ("expression", EXPRESSIONS),
    ):  # fmt: skip
        if target in names:
            return kind
    is_constant = target.isupper() and node.parent.type == "expr_stmt" and "=" in node.value
    return "statements" if is_constant else ""


def _written(node: Any) -> set[str]:
    """Return the names that the class around a node assigns."""
    while not isinstance(node, Class):
        node = node.parent
    return {leaf.parent.children[0].value for leaf in ast_nodes(node) if _assigns(leaf)}


def _assigns(leaf: Any) -> bool:
    return (
        leaf.type == "name" and leaf.parent.type == "expr_stmt" and leaf.parent.children[0] is leaf
    )


OWN = (
    ReplaceCall, ReplaceMembership, RemoveStatement, ChangeEquation, SwapBlocks, ChangeReset,
)  # fmt: skip


def operators() -> dict[str, Operator]:
    """Return every operator that is used, by its name."""
    provider = OperatorProvider()
    own = {kind.__name__: kind() for kind in OWN}
    return {name: provider[name]() for name in CHOSEN} | own
