"""Contract checkers that need a network: `check_rule` and its report."""

from experiments.checks.report import CHECKS, CheckReport, CheckResult, check_rule

__all__ = ["CHECKS", "CheckReport", "CheckResult", "check_rule"]
