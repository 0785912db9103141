"""A command imports Brian2 without Matplotlib and pytest; anybody else gets all of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
sys.argv = [sys.argv[1]]
from threefactor.models.engine import open_engine
from threefactor.models.assembly import assemble
from threefactor.models.neurons import LIF
from threefactor.models.specification import NetworkSpec, Population, Projection, all_to_all
from threefactor.models.neurons.contract import PoissonInput
spec = NetworkSpec(
    (Population("input", 2, PoissonInput()), Population("actor", 2, LIF())),
    (Projection("policy", "input", "actor", **all_to_all(2, 2), weights=1.0),),
)
engine = open_engine(assemble(spec, 1), "runtime-numpy")
engine.advance(3)
loaded = {name: name in sys.modules for name in ("brian2", "pylab", "matplotlib.pyplot", "pytest")}
import matplotlib.pyplot, pylab, pytest  # not refused afterwards
print(json.dumps({**loaded, "plot": hasattr(sys.modules["brian2"], "plot")}))
"""


@pytest.mark.parametrize(("door", "is_whole"), [("run.py", False), ("my_script.py", True)])
def test_commands_leave_out_what_is_for_scripts(door, is_whole):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, door], cwd=ROOT, capture_output=True,
        text=True, check=False, env={**os.environ, "MPLBACKEND": "agg"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "brian2": True, "pylab": is_whole, "matplotlib.pyplot": is_whole, "pytest": is_whole,
        "plot": is_whole,
    }  # fmt: skip
