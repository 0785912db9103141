"""docs/gradient_agents.md does what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "gradient_agents.md").read_text()


def test_the_network_of_the_page_learns_and_runs(tmp_path):
    (name, code), *others = re.findall(r"^```python (\S+)\n(.*?)^```$", PAGE, re.S | re.M)
    assert not others
    (tmp_path / name).write_text(code)
    done = subprocess.run(
        [sys.executable, name], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[:2]
    assert float(first.split()[-1]) < 0.06  # of a variance of 2/9
    engine, torch_ = re.findall(r"\[\[(-?[\d.]+)", second)
    assert float(engine) == pytest.approx(float(torch_), abs=1e-4)
