"""The neuron contract: a neuron is data, a frozen dataclass of floats and equation strings."""

import math
from dataclasses import dataclass
from typing import ClassVar

from threefactor.rules.contract import check_parameters, parameter_values
from threefactor.rules.language import parse_equations

#: What the host may tell an input population before each window -> the variable that it writes,
#: and its unit. A neuron that declares such a variable can be an input.
INPUT_VARIABLES = {
    "rates_hz": ("rates", "hertz"),
    "spike_times_ms": ("steps_to_spike", "1"),
    "currents": ("currents", "1"),
}

#: What the host writes into a neuron that hears the reward.
REWARD_VARIABLES = ("reward", "is_over")


@dataclass(frozen=True)
class NeuronModel:
    """Base of every neuron model.

    One timestep runs ``equations`` (integrated exactly or by ``method``) and ``integrate``
    (explicit statements), then ``before_threshold``, the ``threshold`` test, synaptic transmission
    through a port, and ``reset``. A window, during which the host writes nothing, begins with
    ``before_window``. Fields become shared parameters of the group, the unit suffix
    stripped.
    """

    equations: ClassVar[str] = ""
    integrate: ClassVar[str] = ""
    before_threshold: ClassVar[str] = ""
    #: Runs once at the beginning of a window, after the host has written.
    before_window: ClassVar[str] = ""
    threshold: ClassVar[str] = ""
    reset: ClassVar[str] = ""
    refractory: ClassVar[str] = ""
    method: ClassVar[str] = "exact"
    #: Port -> what one presynaptic spike of weight ``w`` does to this neuron.
    ports: ClassVar[dict[str, str]] = {}
    #: Variable -> parameter name (or number) that it starts from; others start from zero.
    initial: ClassVar[dict[str, str | float]] = {}
    #: Parameter -> least and greatest value of it, where neurons may have values of their own:
    #: those that are drawn are clipped, and gradients move these parameters only, within them.
    bounds: ClassVar[dict[str, tuple[float, float]]] = {}
    #: Purposes of noise; each gives a variable ``<purpose>_stream`` for `uniform` and `gaussian`.
    noise: ClassVar[tuple[str, ...]] = ()
    #: Synaptic derivative of the membrane by the weight, for score and surrogate rules.
    sensitivity_equations: ClassVar[str] = ""
    sensitivity_on_pre: ClassVar[str] = ""
    sensitivity_on_post: ClassVar[str] = ""
    #: Runs right after the rule's ``each_step``: forgetting faster than an equation can.
    sensitivity_each_step: ClassVar[str] = ""
    #: Variable that a membrane readout decodes; empty: this neuron is read by its spikes.
    readout: ClassVar[str] = ""
    #: Whether the host writes what a decision brought into its variables `reward`, per second, and
    #: `is_over`, 1 at a termination, both of them for one timestep.
    hears_reward: ClassVar[bool] = False
    #: Whether it may spike without any input at its default parameters.
    spontaneous: ClassVar[bool] = False
    #: Whether a membrane integrates its input over time; a unit that is drawn anew in each timestep
    #: with a probability per timestep has none.
    has_membrane: ClassVar[bool] = True
    #: Variable that a postsynaptic potential (PSP) is measured in.
    membrane: ClassVar[str] = "v"
    #: Parameter that drives it constantly; a neuron without it is driven through its first port.
    drive: ClassVar[str] = "bias"
    #: Fields that switch the noise of the membrane off at zero, which PSPs are measured without.
    noise_fields: ClassVar[tuple[str, ...]] = ()
    #: Largest relative errors at 1 ms, against 0.1 ms, of the area of a PSP and of the rate by a
    #: constant drive; inf: the timestep is part of the model, and they do not converge.
    largest_psp_error: ClassVar[float] = 0.05
    largest_rate_error: ClassVar[float] = 0.05

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        check_parameters(self)

    @property
    def units(self) -> dict[str, str]:
        """Unit of every variable and parameter that a rule may require."""
        parameters = {name: unit for name, (_, unit) in parameter_values(self).items()}
        return parse_equations(self.equations).units | parameters

    @property
    def takes(self) -> str:
        """What it is told as an input, a key of `INPUT_VARIABLES`; "": it can be none."""
        units = parse_equations(self.equations).units
        found = (told for told, (name, unit) in INPUT_VARIABLES.items() if units.get(name) == unit)
        return next(found, "")

    @property
    def exposes(self) -> tuple[str, ...]:
        """Names that a rule may require of this neuron: variables, parameters, sensitivity."""
        names = (*parse_equations(self.equations).units, *parameter_values(self))
        has_sensitivity = self.sensitivity_equations or self.sensitivity_on_pre
        return (*names, "sensitivity") if has_sensitivity else names


def check_not_negative(neuron: NeuronModel, *names: str) -> None:
    """Raise ValueError unless each of the named fields is >= 0."""
    for name in names:
        if getattr(neuron, name) < 0:
            owner = type(neuron).__name__
            raise ValueError(f"{owner}.{name} must be >= 0, got {getattr(neuron, name)}.")


def check_positive(neuron: NeuronModel, *names: str) -> None:
    """Raise ValueError unless each of the named fields is > 0."""
    for name in names:
        if getattr(neuron, name) <= 0:
            owner = type(neuron).__name__
            raise ValueError(f"{owner}.{name} must be > 0, got {getattr(neuron, name)}.")


def check_ascending(neuron: NeuronModel, low: str, high: str) -> None:
    """Raise ValueError unless one named field is below the other."""
    if getattr(neuron, low) >= getattr(neuron, high):
        raise ValueError(
            f"{type(neuron).__name__}.{low} must be < {high} = {getattr(neuron, high)}, "
            f"got {getattr(neuron, low)}."
        )


def check_distinct(neuron: NeuronModel, one: str, other: str) -> None:
    """Raise ValueError if two time constants are equal: the exact solution divides by their gap."""
    if getattr(neuron, one) == getattr(neuron, other):
        raise ValueError(
            f"{type(neuron).__name__}.{one} must differ from {other}, got {getattr(neuron, one)} "
            f"for both. Change one by 1 %."
        )


@dataclass(frozen=True)
class PoissonInput(NeuronModel):
    """Input neurons: independent Bernoulli spikes with probability ``rates*dt`` in each timestep.

    Equations
    ---------
    next_spike = since + k, P(k) = rates*dt*(1 - rates*dt)**k
    after a spike: since = the next timestep;  where rates changed: since = the window's first

    Gaps are drawn and not silences: a spike costs a random number, a timestep none. The gap is a
    function of the neuron's stream, ``since`` and the rate alone.

    State
    -----
    rates : (n,), Hz, 0 to 1/dt
        Written by the encoder before a window; above 1/dt the neuron spikes in every step.
    known_rates : (n,), Hz
        Those of the window before.
    since, next_spike : (n,), timesteps since time zero
        From when the gap counts, and when it ends.

    Limits
    ------
    At 1 ms a rate of 1000 Hz is a regular train; the Poisson limit needs rates*dt << 1. Rates that
    change within a window are seen at the next one.
    """

    equations = """rates : hertz
    known_rates : hertz
    since : 1
    next_spike : 1"""
    before_window = """since += int(rates != known_rates)*(t_in_timesteps - since)
    known_rates = rates
    next_spike = since + geometric(spike_stream, since, rates*dt)"""
    threshold = "t_in_timesteps >= next_spike"
    reset = """since = t_in_timesteps + 1
    next_spike = since + geometric(spike_stream, since, rates*dt)"""
    noise = ("spike",)
    has_membrane = False


@dataclass(frozen=True)
class TimedInput(NeuronModel):
    """Input neurons that spike once in a decision window, at a time that they are told, or never.

    Equations
    ---------
    steps_to_spike <- steps_to_spike - 1 in each timestep;  spike: where this gives 0

    State
    -----
    steps_to_spike : (n,), timesteps
        Written before each window, from times in ms: 1 is the window's first timestep, and 0 none.

    Limits
    ------
    A time is rounded to the nearest timestep, halves upwards: it is off by at most half a timestep
    and exact for multiples of the timestep. A spike after the window's end does not happen.
    """

    equations = "steps_to_spike : 1"
    before_threshold = "steps_to_spike -= 1"
    threshold = "steps_to_spike == 0"
    has_membrane = False


@dataclass(frozen=True)
class AnalogInput(NeuronModel):
    """Input neurons that are told numbers, and do not spike: a modulation carries them further.

    Equations
    ---------
    currents <- the greatest multiple of resolution that is not above what was told

    Parameters
    ----------
    resolution : float, default 9.5367431640625e-07
        What numbers are rounded to, 1, > 0; 2**-20.

    State
    -----
    currents : (n,), 1
        Written before each window; constant within it.

    Raises
    ------
    ValueError
        If resolution is no power of two

    Limits
    ------
    Numbers on a grid of powers of two, times weights on such a grid, have sums that are exact in
    any order, so that engines and PyTorch agree in every bit (`models.grid`).
    """

    resolution: float = 2.0**-20

    equations = "currents : 1"
    before_window = "currents -= currents % resolution"
    readout = "currents"
    has_membrane = False

    def __post_init__(self) -> None:
        """Check the numbers; raise ValueError naming class and field."""
        super().__post_init__()
        check_positive(self, "resolution")
        if math.frexp(self.resolution)[0] != 0.5:
            raise ValueError(
                f"AnalogInput.resolution must be a power of two, such as {2.0**-20}, got "
                f"{self.resolution}."
            )
