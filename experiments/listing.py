"""What there is to choose from, as tables made from docstrings."""

import importlib

from experiments.config import suggest

#: What -> (module, table).
LISTINGS = {
    "envs": ("experiments.listing", "environment_table"),
    "rules": ("rules", "RULES"),
    "models": ("models", "MODELS"),
    "neurons": ("models.neurons", "NEURONS"),
    "encoders": ("envs.bridge", "ENCODERS"),
    "decoders": ("envs.bridge", "DECODERS"),
    "modulators": ("rules.modulators", "MODULATORS"),
    "schedules": ("experiments.schedules", "SCHEDULES"),
    "experiments": ("experiments.registry", "EXPERIMENTS"),
}


def listing(what: str | None) -> str:
    """Return one table, or all of them; raise ValueError with a suggestion for an unknown one."""
    if what is not None and what not in LISTINGS:
        known = ", ".join(LISTINGS)
        raise ValueError(f"Unknown list {what!r}.{suggest(what, LISTINGS)} Known: {known}.")
    blocks = []
    for name in [what] if what else LISTINGS:
        module, table = LISTINGS[name]
        entries = getattr(importlib.import_module(module), table)
        entries = entries() if callable(entries) else entries
        lines = [f"  {key:22} {_summary(entry)}" for key, entry in entries.items()]
        blocks.append("\n".join([f"{name}:", *lines]))
    return "\n\n".join(blocks)


def _summary(entry: object) -> str:
    text = getattr(entry, "claim", None) or (entry if isinstance(entry, str) else entry.__doc__)
    return str(text or "").strip().splitlines()[0]


def environment_table() -> dict[str, str]:
    """Return the environments of this project and how to name any other."""
    import gymnasium

    import envs  # noqa: F401  (registers them)

    ours = {}
    for name, spec in gymnasium.registry.items():
        if str(spec.entry_point).startswith("envs."):
            module, _, kind = str(spec.entry_point).partition(":")
            ours[name] = (
                getattr(importlib.import_module(module), kind).__doc__ or ""
            ).splitlines()[0]
    ours["MountainCar-v0"] = "Gymnasium's; tuned settings train it with 1000 steps per episode."
    ours["CartPole-v1"] = "Gymnasium's; so is any other id, or package:Id-v0."
    return ours
