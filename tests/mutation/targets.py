"""What is mutated, and the quick tests that are to notice it.

The tests of a file run in the order given and stop at the first failure: put first what is most
likely to fail, and nothing here that takes more than some seconds.
"""

_RULES = "tests/rules"
_CONTRACT = f"{_RULES}/test_rule_contract.py"
_CLOSED_FORM = f"{_RULES}/test_interpreter.py"
_UNSUPERVISED = f"{_RULES}/test_unsupervised_rules.py"
_EXPLORATION = f"{_RULES}/test_exploration_rules.py"
_NEST = f"{_RULES}/test_against_nest.py"
_EPROP = f"{_RULES}/test_eprop.py"
_MODULATORS = (f"{_RULES}/test_modulators.py", _CONTRACT)
_UPDATES = f"{_RULES}/test_updates.py"
_CHECKS = f"{_RULES}/test_checks.py"
_NETWORKS = f"{_RULES}/test_rules_in_networks.py"
_RELEASE = f"{_NETWORKS}::test_a_release_carries_the_amplitude_and_a_failure_nothing"
_STATISTICS = ("tests/analysis/test_statistics.py", "tests/analysis/test_comparison.py")

TARGETS: dict[str, tuple[str, ...]] = {
    "analysis/statistics/comparison.py": _STATISTICS,
    "analysis/statistics/intervals.py": _STATISTICS,
    "analysis/statistics/profiles.py": _STATISTICS,
    "analysis/statistics/scores.py": _STATISTICS,
    "analysis/statistics/summaries.py": _STATISTICS,
    "analysis/statistics/survival.py": ("tests/analysis/test_survival.py",),
    "analysis/coverage.py": ("tests/analysis/test_coverage.py",),
    "analysis/pooling.py": ("tests/analysis/test_pooling.py",),
    "agents/plastic/controls.py": ("tests/agents/test_controls.py",),
    "models/engine/stepping.py": (
        "tests/models/test_stepping.py",
        "tests/models/test_engine.py::test_recording_errors",
    ),
    "rules/timesteps.py": (f"{_RULES}/test_timesteps.py",),
    "rules/streams.py": (f"{_RULES}/test_streams.py",),
    "rules/delays.py": ("tests/models/test_delays.py",),
    "rules/contract.py": (_CONTRACT, _CLOSED_FORM, _CHECKS),
    "rules/checks.py": (_CHECKS, _CONTRACT),
    "rules/updates.py": (_UPDATES, _CHECKS),
    "rules/modulators/contract.py": _MODULATORS,
    "rules/modulators/dopamine.py": _MODULATORS,
    "rules/modulators/feedback.py": _MODULATORS,
    "rules/modulators/normalisation.py": (f"{_RULES}/test_normalisation.py",),
    "rules/modulators/reward.py": _MODULATORS,
    "rules/modulators/reward_baseline.py": _MODULATORS,
    "rules/modulators/td.py": _MODULATORS,
    "rules/modulators/td_linear.py": _MODULATORS,
    "rules/stdp.py": (_CONTRACT, _CLOSED_FORM, _UNSUPERVISED),
    "rules/triplet_stdp.py": (_CONTRACT, _UNSUPERVISED, _NEST),
    "rules/clopath.py": (_CONTRACT, _UNSUPERVISED, _NEST),
    "rules/inhibitory_stdp.py": (_CONTRACT, _UNSUPERVISED, _NEST),
    "rules/homeostatic_scaling.py": (_CONTRACT, _UNSUPERVISED),
    "rules/rstdp.py": (_CONTRACT, _CLOSED_FORM),
    "rules/rstdp_et.py": (_CONTRACT, _CLOSED_FORM),
    "rules/rstdp_alpha.py": (_CONTRACT, _UNSUPERVISED),
    "rules/dopamine_stdp.py": (_CONTRACT, _CLOSED_FORM, _NEST),
    "rules/reinforce.py": (_CONTRACT, _CLOSED_FORM, _EXPLORATION),
    "rules/reinforce_sign.py": (_CONTRACT, _CLOSED_FORM, _EXPLORATION),
    "rules/rmax.py": (_CONTRACT, _EXPLORATION),
    "rules/population_agreement.py": (_CONTRACT, _CLOSED_FORM, _EXPLORATION),
    "rules/td_ltp.py": (_CONTRACT, _EXPLORATION),
    "rules/td_action.py": (_CONTRACT, "tests/agents/test_action_values.py"),
    "rules/td_critic.py": (_CONTRACT, _CLOSED_FORM, _EXPLORATION),
    "rules/node_perturbation.py": (_CONTRACT, _EXPLORATION),
    "rules/hedonistic.py": (_CONTRACT, _EXPLORATION, _RELEASE),
    "rules/eprop.py": (_CONTRACT, _EPROP),
}

#: Tests that compile networks, or repeat what cheaper ones say: they kill nothing more.
DESELECTED = "not compiled"
