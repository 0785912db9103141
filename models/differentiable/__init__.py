"""Network specifications executed in PyTorch and trained by gradients; the engines run the result.

The only folder of the models that imports torch, which is the optional group ``deep``.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threefactor.models.differentiable.network import (
        DifferentiableNetwork as DifferentiableNetwork,
    )
    from threefactor.models.differentiable.state import State as State

_HOMES = {"DifferentiableNetwork": "network", "State": "state"}

__all__ = ["DifferentiableNetwork", "State", "require_torch"]


def require_torch() -> Any:
    """Return the module torch.

    Raises
    ------
    ImportError
        In one line with the command that installs it.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(
            'Networks are trained by gradients with PyTorch: pip install "threefactor[deep]"; the '
            "build for CPUs alone is smaller: pip install torch --index-url "
            "https://download.pytorch.org/whl/cpu"
        ) from error


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_torch()
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
