"""Random numbers of a forward pass: of torch's generator, or the counter-based ones of engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from threefactor.models.engine import noise
from threefactor.models.engine.noise import NEVER, stream_ids


@dataclass(frozen=True)
class Stream:
    """The random numbers of one purpose of a population's neurons, (batch, neurons).

    Parameters
    ----------
    shape : (batch, neurons)
    like : Tensor
        Whose type and device the numbers have.
    ids : (batch, neurons) int64 array or None
        Streams of the engines' noise; None: numbers come from `generator`.
    generator : torch.Generator or None
        None: torch's own.
    """

    shape: tuple[int, int]
    like: Tensor
    ids: np.ndarray | None = None
    generator: torch.Generator | None = None

    @classmethod
    def of(
        cls, owner: str, purpose: str, shape: tuple[int, int], like: Tensor,
        seeds: Sequence[int] | None, generator: torch.Generator | None,
    ) -> "Stream":  # fmt: skip
        """Return the stream of a population, that of its engine where there are seeds."""
        if seeds is None:
            return cls(shape, like, None, generator)
        known = {seed: stream_ids(seed, owner, purpose, shape[1]) for seed in set(seeds)}
        return cls(shape, like, np.array([known[seed] for seed in seeds]))

    def uniform(self, timestep: Any) -> Tensor:
        """Return numbers uniform in [0, 1)."""
        if self.ids is not None:
            return self._like(noise.uniform(self.ids, _steps(timestep)))
        kind = self.like
        return torch.rand(
            self.shape, generator=self.generator, dtype=kind.dtype, device=kind.device
        )

    def gaussian(self, timestep: Any) -> Tensor:
        """Return standard normal numbers."""
        if self.ids is not None:
            return self._like(noise.gaussian(self.ids, _steps(timestep)))
        kind = self.like
        return torch.randn(
            self.shape, generator=self.generator, dtype=kind.dtype, device=kind.device
        )

    def geometric(self, start: Any, p: Any) -> Tensor:
        """Return how many trials of probability p fail first; see `models.engine.noise`."""
        p = torch.as_tensor(p, dtype=self.like.dtype, device=self.like.device).detach()
        u = self.uniform(start) + 2.0**-54
        gap = torch.floor(torch.log(u) / torch.log1p(-p.clamp_max(1.0)))
        return torch.where(p >= 1.0, 0.0, torch.where(p > 0.0, gap, NEVER))

    def _like(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=self.like.dtype, device=self.like.device)


def _steps(timestep: Any) -> Any:
    return timestep.detach().cpu().numpy() if isinstance(timestep, Tensor) else timestep
