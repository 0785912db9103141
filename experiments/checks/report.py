"""What a check found: one report for every kind of part."""

import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


class Broken(Exception):  # noqa: N818
    """A promise does not hold; the message says what was expected, what was got, a likely fix."""


class NotApplicable(Exception):  # noqa: N818
    """A promise cannot be tested, or the part declares that it does not give it."""


#: Something under test -> a measured fact; raises `Broken` or `NotApplicable`. Its docstring says
#: what is promised.
Promise = Callable[[Any], str]


@dataclass(frozen=True)
class CheckResult:
    """One row: `status` is "ok", "FAILS" or "skipped"; `message` a measured fact or the reason."""

    check: str
    status: str
    message: str


@dataclass(frozen=True)
class CheckReport:
    """What was found about one part.

    Attributes
    ----------
    kind : str
        "rule", "encoder", ...
    name : str
        Of its class, or of the environment.
    results : tuple of CheckResult
    seconds : float
    engines : tuple of str
        Engines of the trials; empty: no network was simulated.
    neuron : str
        Postsynaptic neuron of a rule's trials.
    """

    kind: str
    name: str
    results: tuple[CheckResult, ...]
    seconds: float
    engines: tuple[str, ...] = ()
    neuron: str = ""

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
        where = f"{', '.join(self.engines)}; " if self.engines else ""
        head = f"{self.name}: {summary} ({where}{self.seconds:.1f} s)"
        rows = [
            f"  {result.check:20} {result.status:8} {result.message}".rstrip()
            for result in self.results
            if not (is_short and result.status != "FAILS")
        ]
        return "\n".join([head, *rows])

    def as_dict(self) -> dict:
        """Return the report as JSON-able data."""
        return asdict(self) | {"is_passed": self.is_passed}


def check_name(promise: Promise) -> str:
    """Return the name of a check in reports."""
    return promise.__name__.strip("_").replace("_", "-")


def try_out(promise: Promise, subject: Any) -> CheckResult:
    """Return what became of one promise."""
    name = check_name(promise)
    try:
        return CheckResult(name, "ok", promise(subject))
    except NotApplicable as reason:
        return CheckResult(name, "skipped", str(reason))
    except Broken as failure:
        return CheckResult(name, "FAILS", str(failure))
    except FloatingPointError as error:
        return CheckResult(name, "FAILS", f"expected finite values, got: {error}")
    except Exception as error:  # a part is a user's code, and may fail in any way
        frame = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        place = f"{Path(frame.filename).name}, line {frame.lineno}"
        return CheckResult(name, "FAILS", f"expected no error, got {text} ({place})")
