"""What is asked of the class of any part when it is loaded, before anything is built."""

import inspect
from dataclasses import MISSING, fields
from typing import Any

import gymnasium as gym


def check_settings_class(part: type) -> None:
    """Raise TypeError or ValueError unless a class is a complete frozen dataclass with defaults."""
    owner = part.__name__
    missing = sorted(getattr(part, "__abstractmethods__", ()))
    if missing:
        raise TypeError(
            f"{owner} lacks what {_declared_by(part, missing[0])} asks for: "
            f"{', '.join(f'{name}{_signature(part, name)}' for name in missing)}."
        )
    if "__dataclass_fields__" not in vars(part) or not vars(part)["__dataclass_params__"].frozen:
        raise TypeError(f"{owner} must be decorated with @dataclass(frozen=True).")
    for field in fields(part):
        if field.default is MISSING and field.default_factory is MISSING:
            raise TypeError(f"{owner}.{field.name} needs a default value.")
    try:
        part()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{owner} cannot be made with its defaults: {error}") from error


def _declared_by(part: type, method: str) -> str:
    return next(base.__name__ for base in reversed(part.__mro__) if method in vars(base))


def _signature(part: type, name: str) -> str:
    method = inspect.getattr_static(part, name)
    return str(inspect.signature(method)).partition(" -> ")[0] if callable(method) else ""


def check_rule_strings(rule: type) -> None:
    """Check the class of a rule, see `rules.checks.check_rule_class`."""
    from threefactor.rules.checks import check_rule_class  # `list` does without the language

    check_rule_class(rule)


def check_neuron_strings(neuron: type) -> None:
    """Check the class of a neuron model, see `models.neurons.strings.check_neuron_class`."""
    from threefactor.models.neurons.strings import check_neuron_class

    check_neuron_class(neuron)


def check_update_strings(update: type) -> None:
    """Check the class of a weight update, see `rules.updates.check_update_class`."""
    from threefactor.rules.updates import check_update_class

    check_update_class(update)


def check_coder_class(coder: type) -> None:
    """Raise TypeError or ValueError unless an encoder or decoder is complete, spaces included."""
    check_settings_class(coder)
    spaces: Any = getattr(coder, "spaces", ())
    is_given = isinstance(spaces, tuple) and bool(spaces)
    if not (is_given and all(isinstance(s, type) and issubclass(s, gym.Space) for s in spaces)):
        raise TypeError(
            f"{coder.__name__}.spaces must be a tuple of Gymnasium spaces that it fits, such as "
            f"(gymnasium.spaces.Box,), got {spaces!r}."
        )


def check_environment_class(environment: type) -> None:
    """Raise TypeError unless an environment has methods of its own to be reset and stepped."""
    missing = [
        name for name in ("reset", "step")
        if getattr(environment, name) is getattr(gym.Env, name)
    ]  # fmt: skip
    if missing:
        raise TypeError(
            f"{environment.__name__} lacks what gymnasium.Env asks for: {', '.join(missing)}."
        )
