"""Spikes that gradients pass: a threshold with a surrogate derivative, and a relaxed draw."""

from typing import Any

import torch
from torch import Tensor

#: Probabilities are kept so far from 0 and 1 where their logit is taken.
_MARGIN = 1e-12


class Spike(torch.autograd.Function):
    """Heaviside function whose derivative is 1/(1 + slope*|x|)**2, x the distance from threshold.

    Source: Zenke & Ganguli 2018, Neural Comput. 30:1514 (SuperSpike); the slope of Van den Berghe
    et al. 2025 and the scale of Akl et al. 2023.
    """

    @staticmethod
    def forward(
        ctx: Any, distance: Tensor, slope: float, is_inclusive: bool
    ) -> tuple[Tensor, Tensor]:
        """Return spikes as numbers 0 and 1, which carry the gradient, and as bool."""
        is_spike = distance >= 0 if is_inclusive else distance > 0
        ctx.save_for_backward(distance)
        ctx.slope = slope
        ctx.mark_non_differentiable(is_spike)
        ctx.set_materialize_grads(False)
        return is_spike.to(distance.dtype), is_spike

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None, _: None) -> tuple[Tensor | None, None, None]:
        """Return the gradient by the distance."""
        if gradient is None:
            return None, None, None
        (distance,) = ctx.saved_tensors
        root = distance.abs().mul_(ctx.slope).add_(1.0)
        return gradient / root.square_(), None, None


def log_probability(p: Tensor, draws: Tensor) -> Tensor:
    """Return log P of draws, with its gradient by p: the score of every unit."""
    return torch.where(draws > 0.5, p, 1.0 - p).clamp_min(_MARGIN).log()


class Draw(torch.autograd.Function):
    """Bernoulli draw ``uniform < p`` with the gradient of a binary Concrete variable.

    y = sigmoid((logit(p) - logit(uniform))/temperature), whose limit at temperature 0 is the draw:
    -logit(uniform) is logistic noise. The draw goes forward, dy/dp goes back (straight through).

    Source: Maddison, Mnih & Teh 2017, ICLR; Jang, Gu & Poole 2017, ICLR (straight-through).
    """

    @staticmethod
    def forward(ctx: Any, p: Tensor, uniform: Tensor, temperature: float) -> Tensor:
        """Return the draws as numbers 0 and 1."""
        ctx.save_for_backward(p, uniform)
        ctx.temperature = temperature
        return (uniform < p).to(p.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient by p."""
        p, uniform = ctx.saved_tensors
        logit, noise = (torch.logit(x, _MARGIN) for x in (p, uniform))
        y = torch.sigmoid((logit - noise) / ctx.temperature)
        spread = (p * (1.0 - p)).clamp_min(_MARGIN)
        return gradient * y * (1.0 - y) / (ctx.temperature * spread), None, None
