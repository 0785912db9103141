"""The lines of `list`, read off the parts: docstrings, and what must fit."""

from collections.abc import Mapping

from threefactor.analysis.plausibility import judge_regime
from threefactor.experiments.claims.experiment import Experiment
from threefactor.experiments.claims.registry import EXPERIMENTS
from threefactor.experiments.layers import configure
from threefactor.experiments.parts.kinds import KINDS
from threefactor.experiments.presets.preset import all_provenances
from threefactor.experiments.training.setup import Setup
from threefactor.models.neurons.contract import NeuronModel
from threefactor.rules.contract import Rule, parameter_values

OTHER_ENVIRONMENTS = {
    "MountainCar-v0": "Gymnasium's; the presets train it with 1000 steps per episode.",
    "CartPole-v1": "Gymnasium's; so is any other id, package:Id-v0, or FILE.py:Id-v0 of your own.",
}


def read_tables() -> dict[str, dict[str, list[str]]]:
    """Return table -> entry -> [its line, what must fit it, or an empty text].

    Rules say what they require of the postsynaptic neuron and of the host, neurons what they
    expose.
    """
    found: dict[str, Mapping[str, object]] = {
        f"{name}s": kind.table for name, kind in KINDS.items()
    }
    found["envs"] = {**found["envs"], **OTHER_ENVIRONMENTS}
    found["experiments"] = EXPERIMENTS
    tables = {
        name: {key: [_summary(key, entry), _what_must_fit(entry)] for key, entry in table.items()}
        for name, table in found.items()
    }
    return {**tables, "presets": _presets()}


def _presets() -> dict[str, list[str]]:
    """Return the presets: the rules that each was tuned for; what they reached, and how."""
    found: dict[str, list[tuple[str, str]]] = {}
    for env, name, rule, told in all_provenances():
        how = f"seeds {told.tuning_seeds}; {told.budget}; {told.date}; {told.command}"
        text = f"{rule or 'every rule'}: {told.reached} ({how})."
        found.setdefault(f"{env}/{name}", []).append((rule or "every rule", text))
    return {
        key: [f"Tuned for {', '.join(rule for rule, _ in told)}.", " ".join(t for _, t in told)]
        for key, told in found.items()
    }


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
    if isinstance(entry, Experiment):
        return _regime(entry)
    return ""


def _regime(experiment: Experiment) -> str:
    """Return at what rates, and by what means, an experiment's agent learns."""
    if experiment.settings is None:
        return "a network of its own: not judged for plausibility"
    config = configure(experiment.settings)
    items = judge_regime(Setup.of(config).regime())
    told = (f"{item.name} {item.found}{' (not plausible)' * (not item.holds)}" for item in items)
    return f"preset {config.options.preset}: {'; '.join(told)}"


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
