"""From neurons to their synapses in generated code, by counting where connections are regular.

Brian2 copies the numbers of a spike's synapses twice in every timestep before it visits them, and
looks up the neurons of every synapse. Here a spike that has no delay visits its synapses where they
are. And where the synapses of a neuron lie at equal distances and lead to neurons side by side, as
those of all-to-all connections do, numbers are counted and not looked up.
"""

import re
from dataclasses import dataclass

from threefactor.models.engine.rewrites import is_confined

#: Brian2's template of what spikes do at synapses.
_EVENTS = re.compile(
    r"\{\s*std::vector<int> \*_spiking_synapses = (?P<pathway>\w+)\.peek\(\);.*?"
    r"const size_t _idx = [^;]*;\s*const size_t _vectorisation_idx = _idx;"
    r"(?P<body>[^{}]*)\}(\s*\})+?\s*(?=\n\})",
    re.DOTALL,
)
#: A loop over all synapses that looks up a neuron of each.
_ALL_SYNAPSES = re.compile(
    r"(?:#pragma GCC ivdep\n)?for\(int _idx=0; _idx<_N; _idx\+\+\)\s*\{"
    r"(?P<body>[^{}]*?_(?:pre|post)synaptic_idx = _ptr_array_(?P<owner>\w+?)__synaptic_[^{}]*)\}"
)
#: A loop over all synapses.
_EVERY_SYNAPSE = re.compile(
    r"(?:#pragma GCC ivdep\n)?for\(int _idx=0; _idx<_N; _idx\+\+\)\s*\{(?P<body>[^{}]*)\}"
)
_NEURON = {"pre": "_presynaptic_idx", "post": "_postsynaptic_idx"}


@dataclass(frozen=True)
class Pathway:
    """A pathway of a projection in the generated code.

    Attributes
    ----------
    name, owner : str
        Of Brian2's object and of its synapses.
    spikes : str
        Array of the source's spikes.
    side : {"pre", "post"}
        Of the synapse on which the spikes happen.
    partners : str
        Array with each synapse's neuron of the other side.
    is_delayed : bool
    resting : tuple of str
        Arrays of what must be 0 so that timesteps leave a synapse as it is until such a spike.
    visiting : tuple of str
        Code objects that visit all synapses in every timestep.
    """

    name: str
    owner: str
    spikes: str
    side: str
    partners: str
    is_delayed: bool
    resting: tuple[str, ...] = ()
    visiting: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Name of the code object that its spikes run."""
        return f"{self.name}_codeobject"

    @property
    def push(self) -> str:
        """Name of the code object that puts its spikes into the queue."""
        return f"{self.name}_push_spikes"

    def declare(self) -> str:
        """Return the definition of its fans, and of those of them that are awake."""
        awake = f"\nstatic AwakeRows awake_{self.name};" if self.resting else ""
        return f"static Fans fans_{self.name};{awake}"

    def prepare(self) -> str:
        """Return the statements that prepare its queue and find the synapses of every neuron."""
        return (
            f"    _before_run_{self.push}();\n"
            f"    fans_{self.name}.find(brian::{self.name}.queue[0]->synapses, "
            f"brian::{self.partners});"
        )

    def rouse(self, replicas: int) -> str:
        """Return the statement that finds out which synapses are awake, of the present block."""
        states = ", ".join(f"brian::{array}.data()" for array in self.resting)
        begin, end = (
            f"block_{side}<{replicas}>(fans_{self.name}.of.size())" for side in ("begin", "end")
        )
        return f"    awake_{self.name}.find(fans_{self.name}, {{{states}}}, {begin}, {end}, steps);"


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
    body = _given(match["body"], own, "_spikes[_spike]")
    counted = _given(body, other, "_fan.other + _n")
    wake = f"\n        awake_{pathway.name}.wake(_spikes[_spike]);" if pathway.resting else ""
    hint = "#pragma GCC ivdep\n" if is_confined(counted, ("_idx", other)) else ""
    events = f"""{{
    const int32_t *_spikes = brian::{pathway.spikes};
    const int32_t _n_spikes = _spikes[brian::_num_{pathway.spikes} - 1];
    for (int32_t _spike = 0; _spike < _n_spikes; _spike++)
    {{
        const Fan _fan = fans_{pathway.name}.of[_spikes[_spike]];{wake}
        if (_fan.stride == 1)
{hint}            for (int32_t _n = 0; _n < _fan.count; _n++)
            {{
                const size_t _idx = _fan.first + _n;{counted}}}
        else if (_fan.stride > 1)
{hint}#pragma GCC unroll 4
            for (int32_t _n = 0; _n < _fan.count; _n++)
            {{
                const size_t _idx = _fan.first + (size_t)_n * _fan.stride;{counted}}}
        else
            for (const int32_t _synapse : brian::{pathway.name}.queue[0]->synapses[_spikes[_spike]])
            {{
                const size_t _idx = _synapse;{body}}}
    }}
    }}"""
    return code[: match.start()] + events + code[match.end() :]


def visit_awake(code: str, pathway: Pathway) -> str:
    """Return code whose loops over all synapses leave out those at rest, where rows are regular."""

    def rewrite(match: re.Match) -> str:
        if not is_confined(match["body"], ("_idx",)):
            return match[0]
        body = _given(match["body"], _NEURON["pre"], "_row")
        body = _given(body, _NEURON["post"], "_fan.other + _n")
        return f"""if (fans_{pathway.name}.has_rows)
    for (const int32_t _row : awake_{pathway.name}.rows)
    {{
        const Fan _fan = fans_{pathway.name}.of[_row];
#pragma GCC ivdep
        for (int32_t _n = 0; _n < _fan.count; _n++)
        {{
            const int _idx = _fan.first + _n;{body}}}
    }}
    else
{match[0]}"""

    return _EVERY_SYNAPSE.sub(rewrite, code)


def visit_in_rows(code: str, pathways: dict[str, Pathway]) -> str:
    """Return code whose loops over all synapses go from neuron to neuron, where that is regular.

    Parameters
    ----------
    pathways : dict of str to Pathway
        Owner -> its pathway from the presynaptic side.
    """

    def rewrite(match: re.Match) -> str:
        pathway, body = pathways.get(match["owner"]), match["body"]
        if pathway is None or not is_confined(body, ("_idx",)):
            return match[0]
        body = _given(_given(body, _NEURON["pre"], "_row"), _NEURON["post"], "_fan.other + _n")
        fans = f"fans_{pathway.name}"
        return f"""if ({fans}.has_rows)
    for (int32_t _row = 0; _row < (int32_t){fans}.of.size(); _row++)
    {{
        const Fan _fan = {fans}.of[_row];
#pragma GCC ivdep
        for (int32_t _n = 0; _n < _fan.count; _n++)
        {{
            const int _idx = _fan.first + _n;{body}}}
    }}
    else
{match[0]}"""

    return _ALL_SYNAPSES.sub(rewrite, code)


def _given(body: str, neuron: str, number: str) -> str:
    """Return the body of a loop with the number of a neuron known instead of looked up."""
    return re.sub(rf"(const int32_t {neuron} = )\w+\[_idx\];", rf"\1{number};", body)
