"""Worker: `floor.cpp`, compiled for these sizes; `floor_loop.py N_INPUTS N_OUTPUTS [WINDOWS]`.

With a number of windows: print the spike counts of each, and the eligibility at the end.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from networks import feed_forward, window_inputs

from threefactor.models.engine import noise
from threefactor.models.specification import Uniform
from threefactor.rules.streams import named_generator

SOURCE = Path(__file__).with_name("floor.cpp")
FLAGS = (
    "-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math",
    "-ffp-contract=off", f"-I{Path(noise.__file__).parent}",
)  # fmt: skip


def data(n_inputs: int, n_outputs: int) -> bytes:
    """Return streams, weights and rates: those of our network of seed 0."""
    (projection,) = feed_forward(n_inputs, n_outputs).projections
    assert isinstance(projection.weights, Uniform)
    weights = projection.weights.draw(named_generator(0, projection.name), n_inputs * n_outputs)
    rates, _ = window_inputs(n_inputs)
    return b"".join(
        array.tobytes()
        for array in (noise.stream_ids(0, "input", "spike", n_inputs), weights, rates)
    )


def run(n_inputs: int, n_outputs: int, *words: str) -> int:
    """Compile, run, and return the exit status."""
    with tempfile.TemporaryDirectory(prefix="floor-") as name:
        program, file = Path(name) / "floor", Path(name) / "data"
        sizes = (f"-DN_INPUTS={n_inputs}", f"-DN_OUTPUTS={n_outputs}")
        compiler = os.environ.get("CXX", "g++")
        subprocess.run([compiler, *FLAGS, *sizes, str(SOURCE), "-o", str(program)], check=True)
        file.write_bytes(data(n_inputs, n_outputs))
        return subprocess.run([program, file, *words], check=False).returncode


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
