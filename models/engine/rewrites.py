"""Rewrites of the C++ that Brian2 generates: the same bits, sooner.

Each function takes and returns text and leaves alone what it does not recognise, so a change in
Brian2's templates costs speed and never results; the engines are compared bit for bit in the tests.
"""

import re

from threefactor.models.engine.draws import ELEMENT_LOOP, draw_together

_RUN_ONCE_UNIT = re.compile("^(before|after)_run_|_synapses_create_")
#: Brian2's threshold template, as long as neurons have no refractoriness of Brian2's own.
_THRESHOLD_LOOP = re.compile(
    r"for\(size_t _idx=0; _idx<N; _idx\+\+\)\s*\{(?P<test>(?:(?!for\().)*?)"
    r"if\(_cond\) \{\s*(?P<space>\w+__spikespace)\[_count\+\+\] = _idx;\s*\}\s*\}",
    re.DOTALL,
)
_SCALAR_CODE = re.compile(r"// scalar code.*?(?=for\(|\Z)", re.DOTALL)
#: Functions that only Brian2's command line and its end of a program need.
_UNUSED = (
    r"void set_variable_by_name\(std::string name, std::string s_value\)",
    r"void _write_arrays\(\)",
    r"void set_from_command_line\([^)]*\)",
)


def hasten(code: str) -> str:
    """Return a code object's text with every rewrite for speed."""
    for rewrite in (remember_exponentials, split_threshold, draw_together, mark_independent):
        code = rewrite(code)
    return code


def is_run_once(unit: str) -> bool:
    """Whether a code object of this name runs once per network."""
    return bool(_RUN_ONCE_UNIT.search(unit))


def run_once(code: str) -> str:
    """Return code that runs once per network, compiled with less effort."""
    push = '#pragma GCC push_options\n#pragma GCC optimize ("O1")'
    return f"{push}\n{code}\n#pragma GCC pop_options"


def drop_unused(code: str) -> str:
    """Return code with empty bodies where a network in this process never goes.

    They name every array of the network and would take a fifth of the compile time.
    """
    for head in _UNUSED:
        match = re.search(head + r"\s*\{", code)
        if match:
            end, depth = match.end(), 1
            while depth:
                depth += {"{": 1, "}": -1}.get(code[end], 0)
                end += 1
            code = code[: match.end()] + code[end - 1 :]
    return code


def remember_exponentials(code: str) -> str:
    """Return code that computes exponentials outside of loops once, until their argument changes.

    They are decays of one timestep, whose time constants are data and hardly ever change.
    """
    return _SCALAR_CODE.sub(
        lambda match: re.sub(r"(?<!\w)exp\(", "remembered_exp<__COUNTER__>(", match[0]), code
    )


def split_threshold(code: str) -> str:
    """Return threshold code with its loop cut in two: the tests, then the list of spikes.

    A loop that appends to a list cannot be vectorised. The tests alone can, and the list is then
    made from eight of them at a time, for most of which no neuron has spiked.
    """
    return _THRESHOLD_LOOP.sub(
        "static char _conditions[N];\n"
        r"    for(size_t _idx=0; _idx<N; _idx++)\n    {\g<test>_conditions[_idx] = _cond;\n    }\n"
        r"    _count = list_spikes(_conditions, N, \g<space>);",
        code,
    )


def mark_independent(code: str) -> str:
    """Return code that tells the compiler which loops over elements it may vectorise.

    A loop qualifies if whatever it writes it touches at the loop's own element only. The compiler
    cannot know, once values are gathered from other elements (of the postsynaptic neuron, say).
    """

    def mark(match: re.Match) -> str:
        is_independent = is_confined(match["body"], ("_idx",))
        return f"\n#pragma GCC ivdep\n{match[0]}" if is_independent else match[0]

    return ELEMENT_LOOP.sub(mark, code)


def is_confined(body: str, elements: tuple[str, ...]) -> bool:
    """Whether a loop's body touches the arrays that it writes at these elements only."""
    written = set(re.findall(r"(\w+)\[[^\]]*\]\s*[-+*/]?=(?!=)", body))
    touched = re.findall(r"(\w+)\[([^\]]*)\]", body)
    return all(index in elements for name, index in touched if name in written)
