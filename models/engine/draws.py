"""Random numbers in generated code, drawn for all elements of a loop before the loop.

Many streams at a time take a tenth of the time of one after the other (`noise.h`).
"""

import re

#: A loop over all elements of a group without any loop or branch inside.
ELEMENT_LOOP = re.compile(
    r"for\((?:int|size_t) _idx=0; _idx<(?P<count>_?N); _idx\+\+\)\s*\{(?P<body>[^{}]*)\}"
)
_DRAW = re.compile(r"_counter_(?P<kind>\w+)\((?P<stream>\w+), (?P<time>\w+)(?P<more>, )?")
_ARRAY_IS_WRITTEN = re.compile(r"\]\s*[-+*/]?=(?!=)")


def draw_together(code: str) -> str:
    """Return code whose element loops find their random numbers already drawn.

    This holds where the stream is the element's own. The timestep is that of all elements, or it is
    the element's own, too: then a loop before finds it, which does what the body does up to the
    draw.
    """
    return ELEMENT_LOOP.sub(_draw_before, code)


def _draw_before(loop: re.Match) -> str:
    body, preparations = loop["body"], {}
    for draw in list(_DRAW.finditer(body)):
        stream, time = draw["stream"], draw["time"]
        streams = re.search(rf"const int64_t {stream} = (\w+)\[_idx\];", body)
        is_own = bool(re.search(rf"\b{time} [-+*/]?=(?!=)", body))
        before = loop["body"][: loop["body"].rindex("\n", 0, draw.start())] if is_own else ""
        if streams is None or _ARRAY_IS_WRITTEN.search(before):
            continue
        words = f"_words_of_{stream}_{time}"
        counters = f"_counters_of_{stream}_{time}" if is_own else time
        found = _find_counters(loop, before, counters, time) if is_own else ""
        preparations[words] = (
            f"{found}static std::vector<uint64_t> {words}_;\n"
            f"    const uint64_t* __restrict {words} = noise::draw_all("
            f"{words}_, {streams[1]}, {loop['count']}, {counters});\n    "
        )
        drawn = f"_word_to_{draw['kind']}({words}[_idx]{draw['more'] or ''}"
        body = body.replace(draw[0], drawn)
    return "".join(preparations.values()) + loop[0].replace(loop["body"], body)


def _find_counters(loop: re.Match, before: str, counters: str, time: str) -> str:
    """Return a loop over the elements that writes the counter of each."""
    body = f"{before}\n        {counters}[_idx] = noise::counter_of({time});\n    "
    return (
        f"static std::vector<uint64_t> {counters}_({loop['count']} + noise::n_lanes);\n"
        f"    uint64_t* __restrict {counters} = {counters}_.data();\n"
        f"    {loop[0].replace(loop['body'], body)}\n    "
    )
