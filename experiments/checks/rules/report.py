"""`check_rule`: every promise of a rule, as a report."""

import time
from collections.abc import Sequence

from threefactor.experiments.checks.report import CheckReport, check_name, try_out
from threefactor.experiments.checks.rules import simulated, timestep, written
from threefactor.experiments.checks.rules.subject import Subject
from threefactor.models.engine import ENGINES
from threefactor.models.neurons import make_neuron
from threefactor.naming import check_choice
from threefactor.rules.contract import Rule

DEFAULT_ENGINES = ("runtime-numpy", "compiled")
#: Check name -> function; the order is that of the report.
CHECKS = {
    check_name(check): check
    for check in (*written.PROMISES, *simulated.PROMISES, *timestep.PROMISES)
}


def check_rule(
    rule: Rule | type[Rule],
    engines: tuple[str, ...] = DEFAULT_ENGINES,
    neuron: str | None = None,
    checks: Sequence[str] = tuple(CHECKS),
) -> CheckReport:
    """Return what holds of the promises that every rule makes.

    Parameters
    ----------
    rule : Rule or subclass of Rule
        A class is tested at its default parameters.
    engines : tuple of str
        Engines to build and compare; one that needs a missing compiler is left out and said so.
    neuron : str, optional
        Postsynaptic neuron; default: the first one that exposes what the rule requires.
    checks : sequence of str
        Names of the checks to run; default: all of `CHECKS`.

    Raises
    ------
    ValueError
        For an unknown engine or neuron.
    CompilerError
        If none of the engines can be had on this machine.
    """
    for engine in engines:
        check_choice("engine", engine, (name for name in ENGINES if name != "auto"))
    if neuron is not None:
        make_neuron(neuron)
    start = time.perf_counter()
    subject = Subject(rule, tuple(dict.fromkeys(engines)), neuron)
    try:
        results = tuple(try_out(CHECKS[name], subject) for name in checks)
        built = tuple(subject.circuits) or engines
    finally:
        subject.close()
    seconds = time.perf_counter() - start
    return CheckReport("rule", subject.kind.__name__, results, seconds, built, subject.neuron_name)
