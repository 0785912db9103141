"""Worker: copy an array that no cache holds, the bandwidth of this machine's memory.

A decision is one copy of `N_BYTES`, which moves twice as many: STREAM's "copy" (McCalpin 1995).
"""

import numpy as np
from pacing import Pacer

N_BYTES = 256 * 2**20

if __name__ == "__main__":
    source, target, pacer = np.ones(N_BYTES // 8), np.zeros(N_BYTES // 8), Pacer()
    while pacer.is_wanted():
        np.copyto(target, source)
