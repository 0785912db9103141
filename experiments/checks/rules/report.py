"""`check_rule`: every promise of a rule, as a report."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from threefactor.experiments.checks.rules import simulated, written
from threefactor.experiments.checks.rules.subject import Broken, NotApplicable, Subject
from threefactor.models.engine import ENGINES
from threefactor.models.neurons import make_neuron
from threefactor.naming import check_choice
from threefactor.rules import RULES
from threefactor.rules.contract import Rule
from threefactor.rules.loading import load_class

DEFAULT_ENGINES = ("runtime-numpy", "compiled")
#: Check name -> function; the order is that of the report.
CHECKS = {
    check.__name__.replace("_", "-"): check for check in (*written.PROMISES, *simulated.PROMISES)
}


@dataclass(frozen=True)
class CheckResult:
    """One row: `status` is "ok", "FAILS" or "skipped"; `message` a measured fact or the reason."""

    check: str
    status: str
    message: str


@dataclass(frozen=True)
class CheckReport:
    """What was found about one rule.

    Attributes
    ----------
    rule : str
        Name of its class.
    neuron : str
        Postsynaptic neuron of the trials.
    engines : tuple of str
    results : tuple of CheckResult
    seconds : float
    """

    rule: str
    neuron: str
    engines: tuple[str, ...]
    results: tuple[CheckResult, ...]
    seconds: float

    @property
    def is_passed(self) -> bool:
        """Whether no check fails."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that fail."""
        return tuple(result for result in self.results if result.status == "FAILS")

    def report(self, *, is_short: bool = False) -> str:
        """Return the report as text: one row per check, or only those that do not hold."""
        counts = {s: sum(r.status == s for r in self.results) for s in ("ok", "FAILS", "skipped")}
        summary = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        head = f"{self.rule}: {summary} ({', '.join(self.engines)}; {self.seconds:.1f} s)"
        rows = [
            f"  {result.check:20} {result.status:8} {result.message}".rstrip()
            for result in self.results
            if not (is_short and result.status != "FAILS")
        ]
        return "\n".join([head, *rows])

    def as_dict(self) -> dict:
        """Return the report as JSON-able data."""
        return asdict(self) | {"is_passed": self.is_passed}


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
        results = tuple(_result(name, subject) for name in checks)
        built = tuple(subject.circuits) or engines
    finally:
        subject.close()
    seconds = time.perf_counter() - start
    return CheckReport(subject.kind.__name__, subject.neuron_name, built, results, seconds)


def _result(name: str, subject: Subject) -> CheckResult:
    try:
        return CheckResult(name, "ok", CHECKS[name](subject))
    except NotApplicable as reason:
        return CheckResult(name, "skipped", str(reason))
    except Broken as failure:
        return CheckResult(name, "FAILS", str(failure))
    except FloatingPointError as error:
        return CheckResult(name, "FAILS", f"expected finite values, got: {error}")


def check_rules(
    names: Sequence[str],
    engines: Sequence[str] = DEFAULT_ENGINES,
    neuron: str | None = None,
    json_file: Path | None = None,
) -> bool:
    """Print the report of each rule, a name or ``file.py:Class``; return whether all pass.

    No names: every rule of the table.
    """
    kinds = {name: load_class(name, RULES, Rule, "rule") for name in names or RULES}
    reports = {}
    for name, kind in kinds.items():
        reports[name] = check_rule(kind, tuple(engines), neuron)
        print(reports[name].report(is_short=len(kinds) > 1), flush=True)
    failed = [name for name, report in reports.items() if not report.is_passed]
    if len(kinds) > 1:
        print(f"{len(kinds)} rules: {f'{len(failed)} fail' if failed else 'all pass'}")
    if json_file is not None:
        data = {name: report.as_dict() for name, report in reports.items()}
        json_file.write_text(json.dumps(data, indent=2) + "\n")
    return not failed
