"""The options that the parts of a run have: one for each field of their dataclasses."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple, get_origin, get_type_hints

from threefactor.experiments.coercion import alternatives
from threefactor.experiments.configuration import RunConfig


class Option(NamedTuple):
    """An option that sets a field of the run or of a part."""

    part: str | None
    field: str
    kind: Any
    value: Any

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types that its value may have."""
        return alternatives(self.kind)

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return any(get_origin(kind) is tuple for kind in self.kinds)


def option_table(base: RunConfig) -> dict[str, Option]:
    """Return flag -> option for every field that one line can set; the rest is for files."""
    table = {}
    taken = ((name, base.parts[name]) for name in base.parts if name in base.taken)
    for part, owner in ((None, base.options), *taken):
        hints = get_type_hints(type(owner))
        for field in fields(owner):
            option = Option(part, field.name, hints[field.name], getattr(owner, field.name))
            is_mapping = any(
                kind is dict or get_origin(kind) in (dict, Mapping) for kind in option.kinds
            )
            if not is_mapping and (part or field.name) not in ("env", "preset"):
                table["--" + ".".join(filter(None, (part, field.name))).replace("_", "-")] = option
    return table
