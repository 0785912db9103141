"""What a plastic agent says of its own plausibility: plain data, judged by `analysis`."""

from typing import Any

from threefactor.agents.anatomy import regime_of_network
from threefactor.agents.contract import AgentOptions
from threefactor.envs.bridge import BoundEncoder
from threefactor.models.specification import NetworkSpec
from threefactor.naming import check_choice
from threefactor.rules.modulators.contract import COMPUTED_BY, Modulator


def regime_of(
    spec: NetworkSpec,
    encoder: BoundEncoder,
    modulator: Modulator,
    options: AgentOptions,
    asks_signs: bool,
) -> dict[str, Any]:
    """Return input, neurons, decision, third factor and signs of an agent.

    Parameters
    ----------
    asks_signs : bool
        Whether neurons were asked to keep the sign of their synapses (Dale's law).
    """
    check_choice("Modulator.computed_by", modulator.computed_by, COMPUTED_BY)
    is_poisson = encoder.emits == "rates_hz"
    in_network = any(m.into == "third_factor" for m in spec.modulations)
    return regime_of_network(spec, options) | {
        "input_rate_max_hz": float(encoder.rates_range_hz[1]) if is_poisson else None,
        "third_factor": "spikes" if in_network else modulator.computed_by,
        "asks_signs": asks_signs,
    }
