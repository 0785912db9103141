"""Biologically plausible learning rules in a compiled closed loop.

What a user's file or notebook imports, in one place. Names are looked up when they are first used,
so importing this package is quick, and NumPy, Brian2 and Matplotlib are loaded by what needs them.

Do what the commands do, with the same words; results have a report, arrays and figures
    `train`, `resume`, `evaluate`, `analyse`, `compare`, `sweep`, `tune`, `check`, `card`,
    `reproduce`; `load_run` opens a run; `configure` says what one would be; `Observer` watches one
What a file of your own derives from
    `Rule`, `WeightUpdate`; `NeuronModel`, `Architecture`; `Encoder`, `Decoder`;
    `Modulator`, `Schedule`, `LearningSignal`;
    `AgentSettings`, which build an `Agent`, which is given an `Outcome`
What those give and receive
    `BoundEncoder`, `BoundDecoder`, `BoundModulator`, `Host`, `Reinforcement`,
    `ThirdFactor`, `Parts`
A network, written by hand or by an architecture
    `NetworkSpec` of `Population`, `Projection` and `Modulation`; `Uniform`, `Normal`: weights;
    `all_to_all`, `dale_bounds`; `PoissonInput`, `TimedInput`; `Network` runs it
What there is to choose from, name -> class
    `RULES`, `UPDATES`, `NEURONS`, `MODELS`, `ENCODERS`, `DECODERS`, `MODULATORS`, `SCHEDULES`,
    `LEARNING_SIGNALS`, `AGENTS`; `EXPERIMENTS`: name -> claim; `load_part`, `make_neuron`

`threefactor.rules`, `.models`, `.envs`, `.agents`, `.analysis` and `.experiments` hold the rest.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

if __name__ != "threefactor":
    raise ImportError("this package is threefactor: import it by that name")

# Installed, the folders of the library stand in this one; in a checkout they stand beside it.
if not (Path(__file__).parent / "rules").is_dir():
    __path__.append(str(Path(__file__).resolve().parents[1]))

#: Public name -> the module that it comes from; `__init__.pyi` says the same to type checkers.
_MODULES = {
    "train": "experiments.interface",
    "resume": "experiments.interface",
    "evaluate": "experiments.interface",
    "sweep": "experiments.interface",
    "tune": "experiments.interface",
    "check": "experiments.interface",
    "card": "experiments.interface",
    "reproduce": "experiments.claims.reproduction",
    "load_run": "experiments.interface",
    "analyse": "experiments.interface",
    "compare": "experiments.comparing",
    "configure": "experiments.layers",
    "Observer": "experiments.training.observers",
    "Rule": "rules.contract",
    "WeightUpdate": "rules.updates",
    "NeuronModel": "models.neurons.contract",
    "Architecture": "models.architectures.contract",
    "Encoder": "envs.bridge.encoders.contract",
    "Decoder": "envs.bridge.decoders.contract",
    "Modulator": "rules.modulators.contract",
    "Schedule": "agents.plastic.schedules",
    "LearningSignal": "agents.plastic.learning_signals",
    "Agent": "agents.contract",
    "AgentSettings": "agents.contract",
    "BoundEncoder": "envs.bridge.encoders.contract",
    "BoundDecoder": "envs.bridge.decoders.contract",
    "BoundModulator": "rules.modulators.contract",
    "Outcome": "envs.bridge.outcome",
    "Host": "rules.modulators.contract",
    "Reinforcement": "rules.modulators.contract",
    "ThirdFactor": "rules.modulators.contract",
    "Parts": "models.architectures.contract",
    "NetworkSpec": "models.specification",
    "Population": "models.specification",
    "Projection": "models.specification",
    "Modulation": "models.specification",
    "Uniform": "models.specification",
    "Normal": "models.specification",
    "all_to_all": "models.specification",
    "dale_bounds": "models.specification",
    "PoissonInput": "models.neurons.contract",
    "TimedInput": "models.neurons.contract",
    "Network": "models.network",
    "RULES": "rules",
    "UPDATES": "rules.updates",
    "NEURONS": "models.neurons",
    "MODELS": "models",
    "ENCODERS": "envs.bridge",
    "DECODERS": "envs.bridge",
    "MODULATORS": "rules.modulators",
    "SCHEDULES": "agents.plastic.schedules",
    "LEARNING_SIGNALS": "agents.plastic.learning_signals",
    "AGENTS": "agents",
    "EXPERIMENTS": "experiments.claims.registry",
    "load_part": "experiments.parts.kinds",
    "make_neuron": "models.neurons",
}

__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> Any:
    """Return a public name, importing the module that it comes from."""
    if name not in _MODULES:
        text = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(text, name=name, obj=sys.modules[__name__])
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, for completion and for Python's own suggestions."""
    return sorted(__all__)
