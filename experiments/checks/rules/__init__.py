"""Contract checkers that need a network: `check_rule` and its report."""

from threefactor.experiments.checks.rules.report import CHECKS, CheckReport, CheckResult, check_rule

__all__ = ["CHECKS", "CheckReport", "CheckResult", "check_rule"]
