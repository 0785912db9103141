"""The hand-written C++ computes what our network computes, spike for spike."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from threefactor.models.network import Network

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
WINDOWS = 70  # more than its rates, which then come again


@pytest.mark.parametrize(("n_inputs", "n_outputs"), [(100, 40), (40, 20)])
def test_floor_counts_our_spikes(n_inputs, n_outputs, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from networks import WINDOW_MS, feed_forward, window_inputs

    command = [sys.executable, "-W", "ignore", str(BENCHMARKS / "floor_loop.py")]
    done = subprocess.run(
        [*command, str(n_inputs), str(n_outputs), str(WINDOWS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *counts, eligibility = [np.array(row.split(), float) for row in done.stdout.splitlines()]
    network = Network(feed_forward(n_inputs, n_outputs), [0], [0], "compiled")
    rates, _ = window_inputs(n_inputs)
    ours = [network.advance(rates[k % 64], WINDOW_MS)[0].copy() for k in range(WINDOWS)]
    np.testing.assert_array_equal(counts, ours)
    assert np.sum(ours) > WINDOWS
    np.testing.assert_allclose(eligibility, network.engine.array("policy.eligibility"), rtol=1e-9)
    network.engine.close()
