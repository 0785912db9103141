"""docs/neuromorphic.md does what it shows, command by command."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import run
from threefactor.analysis.operations import Links, count_operations

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "neuromorphic.md").read_text()
COMMANDS = re.findall(r"^    python run\.py (.*?)(?:\s+#.*)?$", PAGE, re.MULTILINE)
SHORT = {"train": "--quiet --no-figures --reference-episodes 0", "evaluate": "--episodes 3"}


def test_the_page_does_what_it_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    plastic = [command for command in COMMANDS if "runs/grid" in command]
    assert len(plastic) == 3
    for command in plastic:
        words = [*command.replace("--episodes 300", "--episodes 3").split()]
        assert run.main([*words, *SHORT[words[0]].split()]) == 0, command
        out = capsys.readouterr().out
        assert "operations per decision" in out
    table = out.splitlines()[-4:]
    assert [line.split()[0] for line in table] == ["full", "8", "6", "4"]
    assert set(json.loads(Path("runs/grid/evaluation.json").read_text())["quantised"]) == set("864")
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    exec(compile(block, "docs/neuromorphic.md", "exec"), {"__name__": "page"})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[-2:]] == ["8", "4"]


def test_the_training_that_needs_pytorch_is_possible(capsys):
    pytest.importorskip("torch", reason='needs PyTorch: pip install "threefactor[deep]"')
    (command,) = [command for command in COMMANDS if "dqn" in command]
    assert run.main([*command.split(), "--print-config"]) == 0


def test_the_count_that_the_page_does_by_hand():
    down = Links("input", "output", False, np.repeat([0, 1, 2], 2), np.array([1, 1, 1, 0, 0, 0.0]))
    spikes = {"input": np.array([4, 6, 8]), "output": np.zeros(2)}
    sizes = {"input": 3, "output": 2}
    found = count_operations([down], sizes, "input", spikes, {}, 1, 10.0, 1.0)
    assert f"4·2 + 6·1 + 8·0 = {found.accumulates:.0f} accumulates" in PAGE
