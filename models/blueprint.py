"""A network as Brian2 strings and arrays: what `models.assembly` makes and engines build from."""

from dataclasses import asdict, dataclass, field

import numpy as np


@dataclass
class GroupCode:
    """Brian2 strings of one population, all replicas in one group."""

    name: str
    size: int
    equations: str
    threshold: str
    reset: str
    refractory: str
    method: str
    #: (name, code, when, order) run in every timestep.
    every_step: list[tuple[str, str, str, int]] = field(default_factory=list)
    #: (name, code, order) run for the neurons that spiked, in the synapses slot.
    on_spike: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass
class SynapseCode:
    """Brian2 strings of one projection, all replicas in one Synapses object."""

    name: str
    source: str
    target: str
    n_synapses: int
    equations: str
    method: str = "exact"
    on_pre: str = ""
    on_pre_order: int = 0
    #: The rule's share of on_pre, where only transmission is delayed.
    on_pre_at_once: str = ""
    on_post: str = ""
    on_post_order: int = 0
    #: Pathways with a delay, "pre" and "post"; its value is data.
    delayed: tuple[str, ...] = ()
    every_step: list[tuple[str, str, str, int]] = field(default_factory=list)
    #: What must be 0 so that timesteps leave a synapse as it is until a presynaptic spike.
    resting: tuple[str, ...] = ()
    #: Postsynaptic variable that a modulation writes, summed over its links in every timestep.
    summed: str = ""
    #: Whether neurons integrate that variable: it is written before they do, else afterwards.
    is_integrated: bool = False


@dataclass(frozen=True)
class Demand:
    """A block that runs on request, outside the timestep.

    Attributes
    ----------
    kind : str
        "window" (the host has written), "settle" and "settled" (lazy decays are brought up to date,
        in this order), "decision", "deliver", "consolidate" or "episode".
    projection : str
        Whose rule it belongs to; of a window, the population whose neuron.
    owner : str
        Population or projection whose variables it moves.
    code : str
    """

    kind: str
    projection: str
    owner: str
    code: str

    @property
    def name(self) -> str:
        """What engines call it."""
        return f"{self.kind}:{self.projection}"


#: Kinds of the blocks that follow every stretch of timesteps.
SETTLING = ("settle", "settled")


@dataclass
class Blueprint:
    """Everything an engine needs: `structure` decides the build, the rest is data.

    Attributes
    ----------
    groups, synapses : lists of GroupCode, SynapseCode
    demand : list of Demand
    data : dict of str to array
        ``"<owner>.<variable>"`` -> initial value in SI units, scalar or one per element.
    connections : dict of str to (i, j)
    resets : dict of str to str
        ``"<owner>.<variable>"`` -> "episode" or "decision".
    decay : dict of str to str
        Lazily decaying variable -> name of its time constant's array.
    growth : dict of str to str
        Lazily decaying variable -> name of the array of the units that it is kept in.
    weights : list of str
        Arrays of the projections' weights.
    periods_ms : dict of str to float
        Name of a demand block -> period of a weight clock of its own.
    noise : list of (owner, purpose)
        Random streams; each is a variable ``<purpose>_stream`` of its owner.
    delays : dict of str to (owner, pathway)
        Name of a delay in `data` -> the pathway that it belongs to.
    """

    timestep_ms: float
    replicas: int
    groups: list[GroupCode] = field(default_factory=list)
    synapses: list[SynapseCode] = field(default_factory=list)
    demand: list[Demand] = field(default_factory=list)
    data: dict[str, np.ndarray] = field(default_factory=dict)
    connections: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    resets: dict[str, str] = field(default_factory=dict)
    decay: dict[str, str] = field(default_factory=dict)
    growth: dict[str, str] = field(default_factory=dict)
    weights: list[str] = field(default_factory=list)
    periods_ms: dict[str, float] = field(default_factory=dict)
    noise: list[tuple[str, str]] = field(default_factory=list)
    delays: dict[str, tuple[str, str]] = field(default_factory=dict)

    def settling(self) -> list[str]:
        """Return the names of the blocks that bring lazy decays up to date, in order."""
        return [block.name for block in self.demand if block.kind in SETTLING]

    def opening(self) -> list[str]:
        """Return the names of the blocks that every stretch of timesteps begins with."""
        return [block.name for block in self.demand if block.kind == "window"]

    def streams(self, owner: str) -> list[str]:
        """Return the variables of a group or projection that hold the numbers of its streams."""
        return [f"{purpose}_stream" for name, purpose in self.noise if name == owner]

    def structure(self) -> dict:
        """Return what the generated code depends on, as JSON-able data."""
        return {
            "timestep_ms": self.timestep_ms,
            "replicas": self.replicas,  # where blocks of replicas are cut
            "groups": [asdict(group) for group in self.groups],
            "synapses": [asdict(synapses) for synapses in self.synapses],
            "demand": [(block.name, block.owner, block.code) for block in self.demand],
            "periodic": sorted(self.periods_ms),
        }
