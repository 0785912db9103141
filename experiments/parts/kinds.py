"""The kinds of part, in one table, and the classes behind the names that users give."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym

import threefactor.envs
from threefactor.agents import AGENTS, AgentSettings
from threefactor.agents.plastic.learning_signals import LEARNING_SIGNALS, LearningSignal
from threefactor.agents.plastic.schedules import SCHEDULES, Schedule
from threefactor.envs.bridge import DECODERS, ENCODERS, Decoder, Encoder
from threefactor.experiments.parts import contracts
from threefactor.experiments.parts.user_files import import_file, shown, split_name
from threefactor.models import MODELS, Architecture
from threefactor.models.neurons import NEURONS, NeuronModel
from threefactor.naming import suggest, unknown
from threefactor.rules import RULES, Rule
from threefactor.rules.modulators import MODULATORS, Modulator
from threefactor.rules.updates import UPDATES, WeightUpdate


@dataclass(frozen=True)
class Kind:
    """A kind of part.

    Attributes
    ----------
    word : str
        For messages: "learning signal".
    base : type
        What its classes derive from.
    table : mapping of str to type
        The registry.
    check_class : callable
        Class -> None, or TypeError or ValueError: what is asked of it before anything is built.
    checks : str
        ``module:NAME`` of the promises in `experiments.checks`; imported when they are tried out.
    """

    word: str
    base: type
    table: Mapping[str, type]
    check_class: Callable[[type], None]
    checks: str

    @property
    def article(self) -> str:
        """The word with its article: "an encoder"."""
        return f"{'an' if self.word[0] in 'aeiou' else 'a'} {self.word}"


def _own_environments() -> dict[str, type]:
    """Return id -> class of the environments that this project registers."""
    places = {name: str(spec.entry_point).split(":") for name, spec in gym.registry.items()}
    return {
        name: getattr(importlib.import_module(place[0]), place[1])
        for name, place in places.items()
        if place[0].startswith(f"{threefactor.envs.__name__}.")
    }


KINDS = {
    "agent": Kind(
        "agent", AgentSettings, AGENTS, contracts.check_settings_class, "agents:PROMISES"
    ),
    "env": Kind(
        "environment", gym.Env, _own_environments(), contracts.check_environment_class,
        "environments:PROMISES",
    ),
    "rule": Kind("rule", Rule, RULES, contracts.check_rule_strings, "rules.report:CHECKS"),
    "model": Kind("model", Architecture, MODELS, contracts.check_settings_class, "models:PROMISES"),
    "neuron": Kind(
        "neuron", NeuronModel, NEURONS, contracts.check_neuron_strings, "neurons:PROMISES"
    ),
    "encoder": Kind("encoder", Encoder, ENCODERS, contracts.check_coder_class, "coders:ENCODERS"),
    "decoder": Kind("decoder", Decoder, DECODERS, contracts.check_coder_class, "coders:DECODERS"),
    "modulator": Kind(
        "modulator", Modulator, MODULATORS, contracts.check_settings_class, "modulators:PROMISES"
    ),
    "learning-signal": Kind(
        "learning signal", LearningSignal, LEARNING_SIGNALS, contracts.check_settings_class,
        "learning_signals:PROMISES",
    ),
    "update": Kind(
        "update", WeightUpdate, UPDATES, contracts.check_update_strings, "updates:PROMISES"
    ),
    "schedule": Kind(
        "schedule", Schedule, SCHEDULES, contracts.check_settings_class, "schedules:PROMISES"
    ),
}  # fmt: skip


def load_part(kind: str, text: str) -> type:
    """Return the class that `text` names, checked against the contract of its kind.

    Parameters
    ----------
    kind : str
        Key of `KINDS`: "rule", "encoder", ...
    text : str
        A key of the kind's table, or ``path/to/file.py:ClassName``.

    Raises
    ------
    ValueError, TypeError
        For an unknown name, a file that cannot be imported, a class that is missing, of another
        kind or incomplete.
    """
    part = find_class(kind, text)
    KINDS[kind].check_class(part)
    return part


def find_class(kind: str, text: str) -> type:
    """Return the class of a kind that `text` names, whatever its contract says."""
    asked = KINDS[kind]
    if text in asked.table:
        return asked.table[text]
    if split_name(text) is None:
        raise ValueError(f"{unknown(asked.word, text, asked.table)[:-1]}; or FILE.py:ClassName.")
    part = class_in_file(text, asked)
    if not issubclass(part, asked.base):
        other = kind_of(part)
        base = f"{asked.base.__module__.partition('.')[0]}.{asked.base.__name__}"
        problem = f"no {asked.word}; derive it from {base}"
        if other is not None:
            problem = f"{KINDS[other].article}, not {asked.article}: --{other} {shown(text)}"
        raise ValueError(f"{shown(text)}: {part.__name__} is {problem}.")
    return part


def class_in_file(text: str, kind: Kind | None = None) -> type:
    """Return the class that ``FILE.py:ClassName`` names, of any kind; errors speak of `kind`."""
    path, name = split_name(text) or ("", "")
    file = import_file(Path(path))
    member = vars(file.module).get(name)
    if isinstance(member, type):
        return member
    kinds = KINDS.values() if kind is None else (kind,)
    classes = file.classes(*(known.base for known in kinds))
    has = f"Its {'part' if kind is None else kind.word} classes: {', '.join(classes) or 'none'}."
    if not name:
        raise ValueError(f"{file.path.name}: expected FILE.py:ClassName. {has}")
    problem = "is no class" if name in vars(file.module) else "does not exist"
    raise ValueError(f"{file.path.name}: {name!r} {problem}.{suggest(name, classes)} {has}")


def kind_of(part: type) -> str | None:
    """Return the kind of a class by its base; None for what is no part."""
    return next((name for name, kind in KINDS.items() if issubclass(part, kind.base)), None)
