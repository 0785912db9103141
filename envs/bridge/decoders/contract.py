"""The decoder contract: settings that bind to an action space, then network outputs -> actions.

Layout of the outputs, for every decoder: population p owns neurons
`p * neurons_per_action ... (p + 1) * neurons_per_action - 1`; a population stands for one action
of a Discrete space, for one value of one component of a MultiDiscrete (component by component), or
for one dimension of a Box.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

Generators = Sequence[np.random.Generator]
#: Kinds of action space that a decoder fits.
Spaces = tuple[type[gym.Space], ...]
READS = ("counts", "first_spike_times_ms", "membrane")


class BoundDecoder(ABC):
    """A decoder that knows its action space and owns one random generator per replica.

    Whatever replica r draws comes from generator r alone, so that replica r of many decides as
    a single run with that generator does.

    Attributes
    ----------
    reads : str
        What `decode` takes: `"counts"` (spikes in the decision window), `"first_spike_times_ms"`
        (inf where silent) or `"membrane"` (of readout units, in their own unit).
    settings : Decoder
        What it was bound from.
    n_populations, neurons_per_action, n_outputs : int
        `n_outputs = n_populations * neurons_per_action`, laid out as the module says.
    """

    def __init__(
        self,
        settings: "Decoder",
        n_populations: int,
        neurons_per_action: int,
        generators: Generators,
    ):
        self.settings = settings
        self.reads = settings.reads
        self.n_populations = n_populations
        self.neurons_per_action = neurons_per_action
        self.n_outputs = n_populations * neurons_per_action
        self.generators = list(generators)

    @abstractmethod
    def decode(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Decide on actions.

        Parameters
        ----------
        outputs : (n_replicas, n_outputs)
            What `reads` says.

        Returns
        -------
        (n_replicas,), int64 for a Discrete space; (n_replicas, n_components), int64 for a
        MultiDiscrete; (n_replicas, n_dimensions) in the float type of the space (float32 by
        Gymnasium's default) for a Box.
        """

    def by_population(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """View the outputs as (n_replicas, n_populations, neurons_per_action)."""
        return outputs.reshape(-1, self.n_populations, self.neurons_per_action)

    def reset(self, mask: NDArray[np.bool_]) -> None:  # noqa: B027
        """Start an episode in the replicas of `mask`, (n_replicas,)."""

    def state(self) -> Any:
        """Give what changes, by default the states of the generators, for a checkpoint."""
        return [dict(generator.bit_generator.state) for generator in self.generators]

    def restore(self, state: Any) -> None:
        """Go back to what `state` returned."""
        for generator, saved in zip(self.generators, state, strict=True):
            generator.bit_generator.state = saved


class Decoder(ABC):
    """Settings of a decoder: a frozen dataclass of plain numbers, units in the names."""

    #: Fields that may change at work: what is bound reads them from its `settings`.
    adjustable: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[str] = "counts"
    spaces: ClassVar[Spaces]

    @abstractmethod
    def bind(
        self, action_space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> BoundDecoder:
        """Build the decoder for one action space (of a single environment, not a batch).

        Parameters
        ----------
        neurons_per_action : int
            Output neurons per action of a Discrete space, value of a component, or dimension.
        generators : one numpy Generator per replica
            Kept, not copied.
        """

    def greedy(self) -> "Decoder":
        """Return a decoder without noise of its own, for evaluation; ties may still be drawn.

        Raises
        ------
        ValueError
            Unless the class says what its noiseless twin is.
        """
        raise ValueError(
            f"{type(self).__name__}.greedy: this decoder does not say how it decides without "
            "noise; define `greedy`, or evaluate without --greedy."
        )

    def check_binding(
        self, space: gym.Space, neurons_per_action: int, generators: Generators
    ) -> None:
        """Raise unless the decoder fits the space, naming the decoders that do."""
        owner = f"{type(self).__name__}.bind"
        if neurons_per_action < 1:
            raise ValueError(f"{owner}: neurons_per_action must be >= 1, got {neurons_per_action}.")
        if isinstance(generators, np.random.Generator) or not len(generators):
            raise ValueError(
                f"{owner}: expected a sequence of generators, one per replica, got {generators!r}."
            )
        if not isinstance(space, self.spaces):
            from threefactor.envs.bridge import DECODERS  # the registry imports this module

            fitting = [name for name, kind in DECODERS.items() if isinstance(space, kind.spaces)]
            fix = (
                f"Decoders that fit: {', '.join(fitting)}."
                if fitting
                else "No decoder fits; wrap the environment, for example with "
                "gymnasium.wrappers.TransformAction."
            )
            expected = " or ".join(kind.__name__ for kind in self.spaces)
            raise ValueError(f"{owner}: expected a {expected} action space, got {space}. {fix}")
        if isinstance(space, gym.spaces.Box):
            if not space.is_bounded() or not np.all(space.low < space.high):
                raise ValueError(
                    f"{owner}: expected finite bounds with low < high in every dimension of the "
                    f"action space, got {space}; wrap the environment with "
                    "gymnasium.wrappers.TransformAction and give it bounds."
                )
            if not np.issubdtype(space.dtype, np.floating):
                raise ValueError(
                    f"{owner}: expected an action Box of floats, got dtype {space.dtype}."
                )


class BoxRange:
    """The range of a bounded action Box, flattened; turns fractions of it into actions."""

    def __init__(self, space: gym.spaces.Box):
        self.n_dimensions = int(np.prod(space.shape))
        self._dtype = space.dtype
        self._low, self._high = space.low.ravel(), space.high.ravel()
        self._start = self._low.astype(np.float64)
        self._span = self._high.astype(np.float64) - self._start

    def at(self, fractions: NDArray[np.float64]) -> NDArray[Any]:
        """Give the actions at fractions of the range, (n_replicas, n_dimensions), clipped."""
        actions = (self._start + self._span * fractions).astype(self._dtype)
        # After the rounding, or the largest action could lie outside by one float32 step.
        np.maximum(actions, self._low, out=actions)
        return np.minimum(actions, self._high, out=actions)

    def fractions(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        """Return at which fractions of the range actions lie, (n_actions, n_dimensions)."""
        return (actions - self._start) / np.where(self._span > 0.0, self._span, 1.0)
