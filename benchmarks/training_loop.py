"""Worker: forward and backward through a spiking network, an update for each request (`pacing`).

python training_loop.py KIND BATCH [STEPS]

18-256-128-4 soft-reset LIF neurons (decay 0.9, threshold 0.3) with a leaky readout, stepped over
STEPS observations, mean square of the readout; weights of equal size, surrogate slope 2. KIND is

ours         a `NetworkSpec`, executed by `models.differentiable`
hand         the same equations written with autograd, 25 lines
snntorch     `snntorch.Leaky` and `nn.Linear`, stepped as its tutorials do
spikingjelly `neuron.LIFNode` and `layer.Linear`, stepped as its tutorials do
"""

import sys
from collections.abc import Callable
from typing import Any

import torch
from pacing import Pacer
from torch import Tensor

SIZES = (18, 256, 128, 4)
DECAY, THRESHOLD, SLOPE = 0.9, 0.3, 2.0


class Spike(torch.autograd.Function):
    """Heaviside function with the derivative 1/(1 + slope*|x|)**2."""

    @staticmethod
    def forward(ctx, x):  # noqa: D102
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):  # noqa: D102
        (x,) = ctx.saved_tensors
        return gradient / (1 + SLOPE * x.abs()) ** 2


class ByHand(torch.nn.Module):
    """The network in plain PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        pairs = zip(SIZES, SIZES[1:], strict=False)
        self.weights = torch.nn.ParameterList([torch.randn(m, n) * m**-0.5 for m, n in pairs])

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        v = [x.new_zeros(x.shape[1], w.shape[1]) for w in self.weights]
        z, outputs = [torch.zeros_like(u) for u in v], []
        for sent in x:
            for k, w in enumerate(self.weights[:-1]):
                v[k] = DECAY * v[k] + sent @ w - z[k].detach() * THRESHOLD
                z[k] = sent = Spike.apply(v[k] - THRESHOLD)
            v[-1] = DECAY * v[-1] + sent @ self.weights[-1]
            outputs.append(v[-1])
        return torch.stack(outputs)


def ours() -> tuple[torch.nn.Module, Callable[[Tensor], Tensor]]:
    """Return the network of a specification, and how it is called."""
    import checkout  # noqa: F401
    from networks import soft_reset_layers

    from threefactor.models.differentiable import DifferentiableNetwork

    network = DifferentiableNetwork(soft_reset_layers(SIZES, DECAY, THRESHOLD), slope=SLOPE)
    return network, lambda x: network(x, 1)[0]


def by_hand() -> tuple[torch.nn.Module, Callable[[Tensor], Tensor]]:
    """Return the network written by hand."""
    network = ByHand()
    return network, network


def snntorch() -> tuple[torch.nn.Module, Callable[[Tensor], Tensor]]:
    """Return the network of snnTorch's modules."""
    import snntorch as snn
    from snntorch import surrogate

    options = {"beta": DECAY, "threshold": THRESHOLD, "spike_grad": surrogate.fast_sigmoid(SLOPE)}
    linears: list[Any] = []
    cells: list[Any] = []
    for m, n in zip(SIZES, SIZES[1:], strict=False):
        is_last = n == SIZES[-1]
        reset = "none" if is_last else "subtract"
        linears.append(torch.nn.Linear(m, n, bias=False))
        cells.append(snn.Leaky(reset_mechanism=reset, **options))

    def call(x: Tensor) -> Tensor:
        outputs: list[Any] = []
        v: list[Any] = [cell.init_leaky() for cell in cells]
        for sent in x:
            for k, (linear, cell) in enumerate(zip(linears, cells, strict=True)):
                sent, v[k] = cell(linear(sent), v[k])
            outputs.append(v[-1])
        return torch.stack(outputs)

    return torch.nn.ModuleList([*linears, *cells]), call


def spikingjelly() -> tuple[torch.nn.Module, Callable[[Tensor], Tensor]]:
    """Return the network of SpikingJelly's modules."""
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    def cell(threshold: float) -> torch.nn.Module:
        return neuron.LIFNode(
            tau=1 / (1 - DECAY), decay_input=False, v_threshold=threshold, v_reset=None,
            surrogate_function=surrogate.Sigmoid(alpha=4.0), detach_reset=True,
        )  # fmt: skip

    layers = torch.nn.Sequential()
    for m, n in zip(SIZES, SIZES[1:], strict=False):
        layers.append(layer.Linear(m, n, bias=False))
        layers.append(cell(1e9 if n == SIZES[-1] else THRESHOLD))

    def call(x: Tensor) -> Tensor:
        functional.reset_net(layers)
        outputs: list[Any] = []
        for sent in x:
            layers(sent)
            outputs.append(layers[-1].v)
        return torch.stack(outputs)

    return layers, call


KINDS = {"ours": ours, "hand": by_hand, "snntorch": snntorch, "spikingjelly": spikingjelly}


def main(kind: str, batch: int, steps: int = 100) -> None:
    """Update on request."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, call = KINDS[kind]()
    x = torch.randn(steps, batch, SIZES[0])
    pacer = Pacer()
    while pacer.is_wanted():
        network.zero_grad()
        call(x).square().mean().backward()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
