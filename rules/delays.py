"""Where the delay of a projection lies, and what a synapse sees late because of it.

Plasticity counts time at the synapse. With an axonal delay d the synapse sees a presynaptic spike
d late, a postsynaptic one at once: the pair (t_pre, t_post) is t_post - t_pre - d apart. With a
dendritic delay, NEST's convention, a postsynaptic spike takes d to travel back: the same pair is
t_post + d - t_pre apart. The postsynaptic neuron feels the presynaptic spike d late in both.
"""

import math

import numpy as np

from threefactor.rules.contract import Rule
from threefactor.rules.timesteps import whole_steps

#: Kind of delay -> the side whose spikes the synapse sees late.
LATE_SIDE = {"axonal": "pre", "dendritic": "post"}


def check_delay(where: str, rule: Rule | None, delay_ms: float, kind: str, dt_ms: float) -> None:
    """Raise ValueError for a delay that a projection cannot have.

    A kind that does not exist, a delay that is not one multiple of the timestep, and a dendritic
    delay for rules that read the postsynaptic neuron at the synapse: they would get its present
    state beside its spikes of `delay_ms` ago.
    """
    if kind not in LATE_SIDE:
        raise ValueError(f"{where}.delay must be one of {', '.join(LATE_SIDE)}, got {kind!r}.")
    if np.ndim(delay_ms):
        raise ValueError(
            f"{where}.delay_ms must be one number, because neurons keep one trace for all their "
            f"synapses; got shape {np.shape(delay_ms)}. Use one projection for each delay."
        )
    if not (math.isfinite(delay_ms) and delay_ms >= 0):
        raise ValueError(f"{where}.delay_ms must be finite and >= 0 ms, got {delay_ms}.")
    steps = whole_steps(f"{where}.delay_ms", delay_ms, dt_ms)
    if steps and kind == "dendritic" and rule is not None:
        owner = type(rule).__name__
        if rule.requires:
            raise ValueError(
                f"{where}: with a dendritic delay the synapse hears of its neuron {delay_ms} ms "
                f"late, and {owner} reads {', '.join(rule.requires)} at once. Use an axonal delay."
            )
        if rule.transmitted != "w":
            raise ValueError(
                f"{where}: {owner} decides at the spike what is transmitted, and with a dendritic "
                "delay that would be read on arrival. Use an axonal delay."
            )
