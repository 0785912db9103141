"""Promises about the rule as it is written: documentation, files, units."""

import inspect
import json
import re
from dataclasses import asdict, fields

import yaml

from threefactor.experiments.checks.report import Broken, NotApplicable
from threefactor.experiments.checks.rules.subject import Subject, one_line, root_cause
from threefactor.rules.contract import UNIT_SUFFIXES, Rule
from threefactor.rules.language.source import UnitError

#: Last words of a field name that look like units, other than those of the contract.
FOREIGN_UNITS = frozenset(
    "s sec seconds us min volt volts uv khz mhz amp na nf ohm kohm gohm siemens".split()
)


def builds(subject: Subject) -> str:
    """Build with only its own names, on every engine."""
    if subject.problem is not None:
        raise Broken(one_line(subject.problem))
    return f"postsynaptic neuron {subject.neuron_name}"


def units(subject: Subject) -> str:
    """Parameters have known unit suffixes, equations consistent dimensions."""
    known = " ".join(UNIT_SUFFIXES)
    for field in fields(subject.kind):
        name, last = field.name, field.name.rpartition("_")[2]
        is_known = any(name.endswith(suffix) for suffix in UNIT_SUFFIXES)
        if not is_known and "_" in name and last in FOREIGN_UNITS:
            raise Broken(f"{name}: expected a unit suffix of {known}, got _{last}; convert it.")
        if not is_known and name.startswith("tau_"):
            raise Broken(f"{name}: expected a time constant in ms, got no unit; name it {name}_ms.")
    if subject.problem is None:
        return ""
    cause = root_cause(subject.problem)
    if isinstance(cause, UnitError):
        raise Broken(f"expected both sides of every equation in one unit, got: {one_line(cause)}")
    raise NotApplicable("it does not build")


def documentation(subject: Subject) -> str:
    """Document every field with its default, and a source."""
    kind, doc = subject.kind, inspect.cleandoc(subject.kind.__doc__ or "")
    section = re.search(r"^Parameters\n-+\n(.*?)(?:\n\n|\Z)", doc, re.DOTALL | re.MULTILINE)
    if section is None:
        raise Broken(
            "expected a docstring with a Parameters section (a line of dashes under the word), "
            "got none; see docs/write_a_rule.md."
        )
    documented = dict(re.findall(r"^(\w+) : .*?, default (\S+)$", section[1], re.MULTILINE))
    names = [field.name for field in fields(kind)]
    if list(documented) != names:
        odd = sorted(set(documented) ^ set(names)) or ["their order"]
        raise Broken(
            f"expected a line 'name : float, default VALUE' for each of {', '.join(names)}, in "
            f"this order; got {', '.join(documented) or 'none'}; look at {', '.join(odd)}."
        )
    for field in fields(kind):
        shown = documented[field.name].strip("\"'")
        is_number = isinstance(field.default, (int, float)) and not isinstance(field.default, bool)
        is_equal = float(shown) == field.default if is_number else shown == str(field.default)
        if not is_equal:
            raise Broken(
                f"{field.name}: expected its default {field.default} in the docstring, got {shown}."
            )
    if not re.search(r"^Source\n-+\n\S", doc, re.MULTILINE):
        raise Broken(
            "expected a Source section in the docstring, got none; name the paper and equation, "
            "or say that the rule is yours."
        )
    return f"{len(names)} parameters"


def round_trip(subject: Subject) -> str:
    """Its parameters survive JSON and YAML."""
    try:
        rule = subject.kind()
    except (TypeError, ValueError) as error:
        raise NotApplicable("it does not build") from error
    for name, copy in (("JSON", _through_json), ("YAML", _through_yaml)):
        try:
            back = subject.kind(**copy(rule))
        except (TypeError, ValueError) as error:
            raise Broken(f"{name}: expected {rule} back, got {one_line(error)}") from error
        if back != rule:
            raise Broken(
                f"{name}: expected {rule} back, got {back}; make every field a float or a str."
            )
    return ""


def _through_json(rule: Rule) -> dict:
    return json.loads(json.dumps(asdict(rule)))


def _through_yaml(rule: Rule) -> dict:
    return yaml.safe_load(yaml.safe_dump(json.loads(json.dumps(asdict(rule)))))


PROMISES = (builds, units, documentation, round_trip)
