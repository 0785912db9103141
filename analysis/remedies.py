"""What may be tried against an ailment: options of the run, with their present values."""

from collections.abc import Mapping, Sequence
from typing import Any

#: A verb and what it is done to: ``part.field``, a setting of the run, or ``part=choice``.
Attempt = tuple[str, str]


#: Condition and role ("": any other) -> what to try, the most likely first.
ATTEMPTS: dict[tuple[str, str], tuple[Attempt, ...]] = {
    ("silent", ""): (
        ("raise", "model.w_init_high"), ("raise", "encoder.rate_max_hz"),
        ("raise", "neuron.bias"), ("lower", "neuron.v_threshold_mv"),
    ),
    ("silent", "critic"): (
        ("raise", "model.critic_w_init"), ("raise", "encoder.rate_max_hz"),
        ("lower", "critic_neuron.v_threshold_mv"), ("raise", "model.w_init_high"),
    ),
    ("silent-input", ""): (
        ("raise", "encoder.rate_max_hz"), ("change", "encoder.low"), ("change", "encoder.high"),
    ),
    ("saturated", ""): (
        ("lower", "model.w_init_high"), ("lower", "model.w_max"),
        ("lower", "encoder.rate_max_hz"),
    ),
    ("saturated", "critic"): (
        ("lower", "model.critic_w_init"), ("lower", "model.critic_w_max"),
        ("lower", "encoder.rate_max_hz"), ("lower", "model.w_max"),
    ),
    ("weights-at-bounds", ""): (
        ("raise", "model.w_max"), ("lower", "model.w_min"), ("lower", "rule.learning_rate"),
        ("take", "update=soft-bounds"),
    ),
    ("weights-at-bounds", "critic"): (
        ("raise", "model.critic_w_max"), ("lower", "model.critic_w_min"),
        ("lower", "critic_rule.learning_rate"), ("raise", "model.w_max"),
    ),
    ("dead-inputs", ""): (
        ("raise", "encoder.low"), ("lower", "encoder.high"), ("lower", "encoder.cells"),
        ("lower", "encoder.tiles"), ("lower", "encoder.bins"), ("change", "encoder.groups"),
    ),
    ("constant-third-factor", ""): (
        ("raise", "modulator.learning_rate"), ("take", "modulator=td-linear"),
        ("take", "modulator=reward-baseline"),
    ),
    ("no-third-factor", ""): (
        ("raise", "max_episode_steps"), ("raise", "decoder.temperature"),
        ("raise", "neuron.v_slope_mv"), ("raise", "modulator.gain"),
    ),
    ("not-finite", ""): (
        ("lower", "rule.learning_rate"), ("lower", "model.w_max"), ("lower", "timestep_ms"),
    ),
    ("regular", ""): (
        ("raise", "neuron.v_slope_mv"), ("raise", "neuron.noise_mv"),
        ("lower", "encoder.rate_max_hz"), ("lower", "model.w_init_high"),
    ),
    ("regular", "critic"): (
        ("raise", "critic_neuron.v_slope_mv"), ("raise", "critic_neuron.noise_mv"),
        ("lower", "encoder.rate_max_hz"), ("lower", "model.critic_w_init"),
    ),
}  # fmt: skip
#: What comes first where the condition began after the first episode: learning has led there.
LATE: dict[str, Attempt] = {
    "": ("lower", "rule.learning_rate"), "critic": ("lower", "critic_rule.learning_rate"),
}  # fmt: skip
_MAY_BE_LEARNED = ("silent", "saturated")
#: More are not read.
MOST = 3


def remedy(condition: str, role: str, config: Mapping[str, Any], is_late: bool) -> str:
    """Return what to try: those options that this run has, with their values; "" if it has none.

    Parameters
    ----------
    condition : str
        See `analysis.conditions`.
    role : {"input", "output", "critic", "hidden", "agent"}
        Of the population.
    config : dict
        Of the run, as plain data.
    is_late : bool
        Whether it was healthy in its first episodes.
    """
    attempts = ATTEMPTS.get((condition, role)) or ATTEMPTS[condition, ""]
    if is_late and condition in _MAY_BE_LEARNED:
        attempts = (LATE.get(role, LATE[""]), *attempts)
    told: dict[str, list[str]] = {}
    options = [(verb, option) for verb, what in attempts if (option := _option(what, config))]
    for verb, option in options[:MOST]:
        told.setdefault(verb, []).append(option)
    return ", or ".join(f"{verb} {_listed(names)}" for verb, names in told.items())


def _listed(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _option(what: str, config: Mapping[str, Any]) -> str:
    """Return an option as it is typed, with its present value; "" if this run has it not."""
    part, is_choice, choice = what.partition("=")
    if is_choice:
        name = config.get(part, {}).get("name", choice)
        return "" if name == choice else f"{_flag(part)} {choice} (now {name})"
    part, is_of_part, field = what.rpartition(".")
    settings = config.get(part, {}) if is_of_part else config
    found = [name for name in (field, f"{field}_mv") if name in settings]  # of bias: both exist
    if not found:
        return ""
    path = f"{part}.{found[0]}" if is_of_part else found[0]
    if path in config.get("each", {}):
        return f"{_flag(path)} (each replica its own)"
    value = settings[found[0]]
    return f"{_flag(path)} (now {_shown(value)})" if value != [] else ""


def _flag(path: str) -> str:
    return f"--{path.replace('_', '-')}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return " ".join(map(_shown, value)) if isinstance(value, (list, tuple)) else f"{value}"
