"""Replicas in blocks that fit the processor's cache, each advanced through the whole window.

Replicas do not touch each other within a window. In one pass over all of them per timestep, the
state of many would travel from memory and back in every timestep; block by block it travels once.
Not so where something in a timestep belongs to all replicas: queues of delayed spikes, sums of
modulations, weight clocks.
"""

import os
import re

from threefactor.models.blueprint import Blueprint

_ELEMENTS = re.compile(r"for\((?P<type>int|size_t) _idx=0; _idx<(?P<count>_?N); _idx\+\+\)")
_ROWS = re.compile(r"for \(int32_t _row = 0; _row < (?P<count>[^;]*); _row\+\+\)")
_LISTED = re.compile(r"list_spikes\(_conditions, N, ")
_DRAWN = re.compile(r"noise::draw_all\((?P<streams>\w+, \w+), (?P<count>\w+), ")
#: Of the second-level cache, to be shared with what else runs; its size where it is unknown, bytes.
SHARE, USUAL_CACHE = 0.5, 1 << 20


def can_block(plan: Blueprint) -> bool:
    """Whether the replicas of a network are independent within a window."""
    has_sums = any(synapses.summed for synapses in plan.synapses)
    return plan.replicas > 1 and not (plan.periods_ms or plan.delays or has_sums)


def within_block(code: str, replicas: int) -> str:
    """Return the code of a timestep, its loops over all elements over those of the block instead.

    Raises
    ------
    ValueError
        If it has a loop over elements of another form.
    """
    begin, end = f"block_begin<{replicas}>", f"block_end<{replicas}>"
    code = _ELEMENTS.sub(
        rf"for(\g<type> _idx={begin}(\g<count>), _last={end}(\g<count>); _idx<_last; _idx++)", code
    )
    code = _ROWS.sub(
        rf"for (int32_t _row = {begin}(\g<count>), _last_row = {end}(\g<count>); "
        r"_row < _last_row; _row++)",
        code,
    )
    code = _LISTED.sub(f"list_spikes_between(_conditions, {begin}(N), {end}(N), ", code)
    code = _DRAWN.sub(
        rf"noise::draw_between(\g<streams>, {begin}(\g<count>), {end}(\g<count>), ", code
    )
    if "_idx=0;" in code:
        raise ValueError("a loop over elements that no block can cut")
    return code


def replicas_in_cache(bytes_per_replica: float) -> int:
    """Return how many replicas a block has, >= 1."""
    try:
        cache = os.sysconf("SC_LEVEL2_CACHE_SIZE")
    except (ValueError, OSError, AttributeError):
        cache = 0
    return max(1, int(SHARE * (cache if cache > 0 else USUAL_CACHE) / bytes_per_replica))
