"""Pathways without delay: from a spike to its synapses, past Brian2's queue of spikes.

Brian2 copies the numbers of a spike's synapses twice in every timestep before it visits them. Here
the code visits them where they are; and where those of one neuron lie at equal distances and lead
to neurons side by side, as all-to-all connections do, their numbers are counted, not looked up.
"""

import re
from dataclasses import dataclass

#: Brian2's template of what spikes do at synapses.
_EVENTS = re.compile(
    r"\{\s*std::vector<int> \*_spiking_synapses = (?P<pathway>\w+)\.peek\(\);.*?"
    r"const size_t _idx = [^;]*;\s*const size_t _vectorisation_idx = _idx;"
    r"(?P<body>[^{}]*)\}(\s*\})+?\s*(?=\n\})",
    re.DOTALL,
)
_NEURON = {"pre": "_presynaptic_idx", "post": "_postsynaptic_idx"}


@dataclass(frozen=True)
class Pathway:
    """Where a pathway without delay comes from, in the generated code.

    Attributes
    ----------
    name : str
        Of Brian2's object.
    spikes : str
        Array of the source's spikes.
    side : {"pre", "post"}
        Of the synapse on which the spikes happen.
    partners : str
        Array with each synapse's neuron of the other side.
    """

    name: str
    spikes: str
    side: str
    partners: str

    @property
    def unit(self) -> str:
        """Name of the code object that its spikes run."""
        return f"{self.name}_codeobject"

    def prepare(self) -> str:
        """Return the statement that finds the synapses of every neuron, once they exist."""
        return (
            f"    fan_out(unit_{self.unit}::fans, brian::{self.name}.queue[0]->synapses, "
            f"brian::{self.partners});"
        )


def deliver_at_once(code: str, pathway: Pathway) -> str:
    """Return the code of a pathway's events, visiting the synapses of each spike in its order.

    Raises
    ------
    RuntimeError
        If it has another form than that of a Brian2 that was tested.
    """
    match = _EVENTS.search(code)
    if match is None or match["pathway"] != pathway.name:
        raise RuntimeError(f"Brian2 wrote {pathway.unit} in an unknown form; report this network.")
    own, other = _NEURON[pathway.side], _NEURON["post" if pathway.side == "pre" else "pre"]
    looked_up = r"(const int32_t {} = )\w+\[_idx\];"
    body = re.sub(looked_up.format(own), r"\1_spikes[_spike];", match["body"])
    counted = re.sub(looked_up.format(other), r"\1_fan.other + _n;", body)
    hint = "#pragma GCC ivdep\n" if _is_independent(counted, other) else ""
    events = f"""{{
    const int32_t *_spikes = brian::{pathway.spikes};
    const int32_t _n_spikes = _spikes[brian::_num_{pathway.spikes} - 1];
    for (int32_t _spike = 0; _spike < _n_spikes; _spike++)
    {{
        const Fan _fan = fans[_spikes[_spike]];
        if (_fan.stride == 1)
{hint}            for (int32_t _n = 0; _n < _fan.count; _n++)
            {{
                const size_t _idx = _fan.first + _n;{counted}}}
        else if (_fan.stride > 1)
{hint}            for (int32_t _n = 0; _n < _fan.count; _n++)
            {{
                const size_t _idx = _fan.first + (size_t)_n * _fan.stride;{counted}}}
        else
            for (const int32_t _synapse : brian::{pathway.name}.queue[0]->synapses[_spikes[_spike]])
            {{
                const size_t _idx = _synapse;{body}}}
    }}
    }}"""
    code = code[: match.start()] + events + code[match.end() :]
    return f"static std::vector<Fan> fans;\n{code}"


def _is_independent(body: str, other: str) -> bool:
    """Whether what a body writes belongs to its own synapse, or to the neuron on the other side."""
    written = set(re.findall(r"(\w+)\[[^\]]*\]\s*[-+*/]?=(?!=)", body))
    touched = re.findall(r"(\w+)\[([^\]]*)\]", body)
    return all(index in ("_idx", other) for name, index in touched if name in written)
