"""What there is to choose from, as tables made from docstrings."""

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping

from threefactor.experiments.parts.kinds import KINDS
from threefactor.models.neurons.contract import NeuronModel
from threefactor.naming import check_choice
from threefactor.rules.contract import Rule, parameter_values

OTHER_ENVIRONMENTS = {
    "MountainCar-v0": "Gymnasium's; tuned settings train it with 1000 steps per episode.",
    "CartPole-v1": "Gymnasium's; so is any other id, package:Id-v0, or FILE.py:Id-v0 of your own.",
}
#: Names of the tables: the kinds of part, and the named experiments.
LISTINGS = (*(f"{kind}s" for kind in KINDS), "experiments")


def listing(what: str | None, width: int | None = None) -> str:
    """Return one table, or all of them: a line per entry, and one for what must fit.

    Rules say what they require of the postsynaptic neuron and of the host, neurons what they
    expose.

    Parameters
    ----------
    what : str or None
        Key of `LISTINGS`; None: all.
    width : int, optional
        Columns, by default those of the terminal; what is piped elsewhere keeps whole lines.

    Raises
    ------
    ValueError
        For an unknown list, with a suggestion.
    """
    if what is not None:
        check_choice("list", what, LISTINGS)
    tables = {name: _table(name) for name in ([what] if what else LISTINGS)}
    column = max(len(key) for entries in tables.values() for key in entries)
    width = width or _terminal_width()
    blocks = []
    for name, entries in tables.items():
        lines = [f"{name}:"]
        for key, entry in entries.items():
            lines.append(_shortened(f"  {key:{column}}  {_summary(key, entry)}", width))
            lines += _below(_what_must_fit(entry), column + 4, width)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _table(name: str) -> Mapping[str, object]:
    if name == "experiments":
        from threefactor.experiments.claims.registry import EXPERIMENTS

        return EXPERIMENTS
    table = KINDS[name.removesuffix("s")].table
    return {**table, **OTHER_ENVIRONMENTS} if name == "envs" else table


def _summary(key: str, entry: object) -> str:
    text = getattr(entry, "claim", None) or (entry if isinstance(entry, str) else entry.__doc__)
    line = str(text or "").strip().partition("\n")[0].replace("``", "")
    name, colon, rest = line.partition(": ")
    return rest[0].upper() + rest[1:] if name == key and colon else line


def _what_must_fit(entry: object) -> str:
    if isinstance(entry, type) and issubclass(entry, NeuronModel):
        return f"exposes {_exposed(entry)}"
    if isinstance(entry, type) and issubclass(entry, Rule):
        return _required(entry)
    return ""


def _exposed(neuron: type[NeuronModel]) -> str:
    """Return what rules may require of a neuron, its parameters last."""
    model = neuron()
    return ", ".join(sorted(model.exposes, key=parameter_values(model).__contains__))


def _required(rule: type[Rule]) -> str:
    """Return what a rule requires of the postsynaptic neuron, and what it waits for."""
    units = {name: f" in {unit}" for name, unit in rule.required_units.items()}
    required = ", ".join(f"{name}{units.get(name, '')}" for name in rule.requires)
    parts = {"requires": required, "waits for": ", ".join(rule.host_writes.values())}
    return "; ".join(f"{verb} {names}" for verb, names in parts.items() if names)


def _below(text: str, indent: int, width: int | None) -> list[str]:
    """Return a text in lines that start at column `indent`, broken between words at `width`."""
    if not text:
        return []
    margin = " " * indent
    lines = [text] if width is None else textwrap.wrap(text, max(20, width - indent))
    return [margin + line for line in lines]


def _terminal_width() -> int | None:
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if is_known else None


def _shortened(line: str, width: int | None) -> str:
    """Return a line that ends with its last whole word that fits."""
    if width is None or len(line) <= width:
        return line
    return line[: width - 3].rpartition(" ")[0].rstrip(" ,;:(") + " ..."
