"""Contract checkers that need a network: `check_rule` and its report."""

from threefactor.experiments.checks.report import CheckReport, CheckResult
from threefactor.experiments.checks.rules.report import CHECKS, check_rule

__all__ = ["CHECKS", "CheckReport", "CheckResult", "check_rule"]
