"""Settings found for an environment, in two presets: plausible and fast.

``<env>.yaml`` holds, for each preset, its `default` settings and those of single `rules`, and
beside either their `provenance`; under `models` the same again for single models, laid over them.
What it lacks comes from ``general.yaml``. Under `agents` stand `default` settings and `provenance`
of agents that learn by no rule; they use nothing else of a preset.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from threefactor.experiments.configuration import (
    PARTS,
    PRESETS,
    part_settings,
    read_settings,
)
from threefactor.experiments.parts.user_files import split_name
from threefactor.naming import check_choice

FOLDER = Path(__file__).parent
GENERAL = "general"
DEFAULT = PRESETS[0]

Layer = Mapping[str, Any]


@dataclass(frozen=True)
class Provenance:
    """Where settings come from.

    Attributes
    ----------
    command : str
        What trains with them on the tuning seeds.
    tuning_seeds : str
        On which they were chosen; claims report others.
    budget : str
        How many settings were tried, for how long.
    date : str
    reached : str
        What they reached, on which seeds.
    """

    command: str
    tuning_seeds: str
    budget: str
    date: str
    reached: str

    @classmethod
    def of(cls, where: str, content: Mapping[str, Any]) -> "Provenance":
        """Return what a file says; raise ValueError if an entry is missing or unknown."""
        expected = [field.name for field in fields(cls)]
        if sorted(content) != sorted(expected):
            raise ValueError(
                f"{where}.provenance: expected {', '.join(expected)}, got {', '.join(content)}."
            )
        return cls(**{name: str(value) for name, value in content.items()})

    def lines(self) -> list[str]:
        """Return one line for each entry."""
        return [f"{name.replace('_', ' ')}: {value}" for name, value in asdict(self).items()]


@dataclass(frozen=True)
class Preset:
    """The settings of one preset for an environment, a rule and a model.

    Attributes
    ----------
    name, env, rule : str
    model : str or None
        The model that has settings of its own there, if it is the one asked for.
    layers : tuple of mappings
        General settings, those of the environment, those of the rule, and where the preset has
        settings for the model, these, and those for the rule with it.
    provenance : Provenance or None
        None: nothing was found for this environment, or not for this rule.
    agent : str or None
        The agent, if it learns by no rule.
    """

    name: str
    env: str
    rule: str
    model: str | None
    layers: tuple[Layer, ...]
    provenance: Provenance | None
    agent: str | None = None

    def under(self, layers: Sequence[Layer]) -> tuple[Layer, ...]:
        """Return the preset's layers, to be laid under a user's.

        Whoever sets a field of the rule gets it: a schedule that would move it is left out, unless
        the user names the schedule.
        """
        typed = {name for layer in layers for name in part_settings("rule", layer.get("rule"))}
        if any("schedule" in layer for layer in layers):
            return self.layers
        return tuple(
            {key: value for key, value in layer.items() if key != "schedule"}
            if typed & _moved(layer)
            else layer
            for layer in self.layers
        )

    def text(self) -> str:
        """Return where the settings come from, in lines."""
        who = f"agent {self.agent}" if self.agent else f"rule {self.rule}"
        head = f"preset {self.name} of {self.env}, {who}"
        head += f", model {self.model}" if self.model else ""
        if self.provenance is None:
            return f"{head}: not tuned for it"
        return "\n".join([f"{head}:", *(f"  {line}" for line in self.provenance.lines())])


def find_preset(
    name: str, env: str, rule: str | None, model: str | None = None, agent: str | None = None
) -> Preset:
    """Return a preset for an environment, a rule and a model (None: what the preset names).

    An agent that is not the default one learns by no rule, and has settings of its own.

    Raises
    ------
    ValueError
        For an unknown preset, with a suggestion.
    """
    check_choice("preset", name, PRESETS)
    own = {} if split_name(env) else _read(env.rpartition(":")[2]).get(name, {})
    general = _general(name, is_tuned=bool(own))
    if agent not in (None, PARTS["agent"].default):
        section = (own.get("agents") or {}).get(agent) or {}
        given = section.get("provenance")
        found = Provenance.of(f"{env}.{name}", given) if given else None
        settings = dict(section.get("default") or {})
        if "agent" in settings:
            settings["agent"] = {"name": agent, **part_settings("agent", settings["agent"])}
        return Preset(name, env, "", None, (settings,), found, agent)
    base = own.get("default") or {}
    rule = rule or part_settings("rule", base.get("rule")).get("name") or PARTS["rule"].default
    layers, told = [general, *_layers(own, rule)], _provenance(own, rule)
    if model is None:
        names = [part_settings("model", layer.get("model")).get("name") for layer in layers]
        model = next((found for found in reversed(names) if found), None)
    if variant := (own.get("models") or {}).get(model):
        every, of_rule = _layers(variant, rule)
        every["model"] = {"name": model, **part_settings("model", every.get("model"))}
        layers, told = [*layers, every, of_rule], _provenance(variant, rule) or told
    provenance = Provenance.of(f"{env}.{name}", told) if told else None
    return Preset(name, env, rule, model if variant else None, tuple(layers), provenance)


def _general(name: str, is_tuned: bool) -> dict[str, Any]:
    """Return what every environment starts from, and what those that nobody tuned do."""
    found = _read(GENERAL).get(name, {})
    return {**found.get("default", {}), **({} if is_tuned else found.get("untuned", {}))}


def _layers(own: Mapping[str, Any], rule: str) -> list[dict[str, Any]]:
    """Return default settings and those of a rule."""
    section = dict((own.get("rules") or {}).get(rule) or {})
    section.pop("provenance", None)
    if "rule" in section:  # without its name, choosing the rule would discard its settings
        section["rule"] = {"name": rule, **part_settings("rule", section["rule"])}
    return [dict(own.get("default") or {}), section]


def _provenance(own: Mapping[str, Any], rule: str) -> Any:
    return ((own.get("rules") or {}).get(rule) or {}).get("provenance") or own.get("provenance")


def all_provenances() -> Iterator[tuple[str, str, str, Provenance]]:
    """Give environment, preset, what it is for ("": any) and provenance of all that was found."""
    for path in sorted(FOLDER.glob("*.yaml")):
        for name, own in read_settings(path).items():
            for agent, section in (own.get("agents") or {}).items():
                if told := section.get("provenance"):
                    yield path.stem, name, f"agent {agent}", Provenance.of(path.stem, told)
            for model, of_model in {"": own, **(own.get("models") or {})}.items():
                for rule, section in {"": of_model, **(of_model.get("rules") or {})}.items():
                    if told := section.get("provenance"):
                        what = ", ".join(word for word in (rule, model) if word)
                        yield path.stem, name, what, Provenance.of(f"{path.stem}.{name}", told)


def _read(stem: str) -> Mapping[str, Any]:
    path = FOLDER / f"{stem}.yaml"
    return read_settings(path) if path.exists() else {}


def _moved(layer: Layer) -> set[str]:
    """Return the fields of the policy's rule that the schedule of a layer moves."""
    parameters = part_settings("schedule", layer.get("schedule")).get("parameter", ())
    owners = (parameter.partition(".") for parameter in parameters)
    return {name for owner, _, name in owners if owner == "policy"}


def without_moved(layer: Layer, lacking: Collection[str]) -> Layer:
    """Return a layer whose schedule moves none of the parameters that are lacking."""
    schedule = part_settings("schedule", layer.get("schedule"))
    names = schedule.get("parameter", ())
    kept = [i for i, name in enumerate(names) if name not in lacking]
    if len(kept) == len(names):
        return layer
    of_each = {
        key: [value[i] for i in kept] if isinstance(value, list) and len(value) > 1 else value
        for key, value in schedule.items()
    }
    return {**layer, "schedule": of_each if kept else {"name": "fixed"}}
