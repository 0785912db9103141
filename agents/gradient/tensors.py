"""Modules and optimisers as plain arrays, for checkpoints."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def module_state(module: torch.nn.Module) -> dict[str, Any]:
    """Return copies of all parameters by name."""
    return {name: p.detach().numpy().copy() for name, p in module.named_parameters()}


def restore_module(module: torch.nn.Module, state: Mapping[str, Any]) -> None:
    """Go back to what `module_state` returned."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.as_tensor(np.asarray(state[name])))


def optimiser_state(optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the moments of every parameter, by its number."""
    return {
        str(number): {
            name: value.numpy().copy() if isinstance(value, torch.Tensor) else value
            for name, value in moments.items()
        }
        for number, moments in optimiser.state_dict()["state"].items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Go back to what `optimiser_state` returned; learning rates are those of the optimiser."""
    optimiser.load_state_dict(
        {
            "state": {
                int(number): {name: torch.as_tensor(np.array(v)) for name, v in moments.items()}
                for number, moments in state.items()
            },
            "param_groups": optimiser.state_dict()["param_groups"],
        }
    )


def follow(target: torch.nn.Module, source: torch.nn.Module, rate: float) -> None:
    """Move the parameters of a target network towards those of its source."""
    with torch.no_grad():
        for old, new in zip(target.parameters(), source.parameters(), strict=True):
            old.lerp_(new, rate)
