"""Worker: a network of some size, window by window; `scaling_loop.py SETTING`, as JSON.

Once the network is in the cache it starts anew, so that the memory it takes is not Brian2's.
"""

import json
import os
import sys
from dataclasses import dataclass

import numpy as np
from networks import feed_forward
from pacing import Pacer

from threefactor.models.network import Network

#: Probed synapses, as in a recorded episode; decisions of such an episode.
PROBED, EPISODE = 3, 100
AGAIN = "SCALING_LOOP_STARTED_AGAIN"


@dataclass(frozen=True)
class Setting:
    """One size of a network and the way it is run.

    Parameters
    ----------
    window_ms : int
        0: weights are consolidated, nothing is simulated.
    recording : {"nothing", "spikes", "everything"}
        everything: the spikes of all neurons, and in every timestep weight and eligibility of the
        first `PROBED` synapses.
    """

    n_inputs: int = 100
    n_outputs: int = 40
    replicas: int = 1
    window_ms: int = 50
    rate_hz: float = 15.0
    rule: str = "rstdp-et"
    recording: str = "nothing"

    @property
    def synapses(self) -> int:
        """Number of synapses of all replicas."""
        return self.n_inputs * self.n_outputs * self.replicas


def run(setting: Setting) -> None:
    """Advance, close the decision, consolidate, and read what was recorded."""
    seeds = list(range(setting.replicas))
    spec = feed_forward(setting.n_inputs, setting.n_outputs, setting.rule)
    network = Network(spec, seeds, seeds, "compiled")
    if "brian2" in sys.modules and AGAIN not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, AGAIN: "1"})
    rates = np.full((setting.replicas, setting.n_inputs), setting.rate_hz)
    reward = np.zeros(setting.replicas)
    if setting.recording != "nothing":
        names = ("w", "eligibility") if setting.recording == "everything" else ()
        probes = [(f"policy.{name}", k) for name in names for k in range(PROBED)]
        network.engine.record(["input", "actor"], probes, 1)
    pacer, decision = Pacer(), 0
    while pacer.is_wanted():
        if setting.window_ms:
            network.advance(rates, setting.window_ms)
        network.close_decision()
        network.consolidate(reward)
        decision += 1
        if setting.recording != "nothing" and decision % EPISODE == 0:
            network.engine.drain()


if __name__ == "__main__":
    run(Setting(**json.loads(sys.argv[1])))
