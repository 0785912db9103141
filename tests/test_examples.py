"""The examples run as they stand, from any folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import threefactor
from threefactor.analysis.compare.comparison import Comparison
from threefactor.analysis.neural.analysis import NeuralAnalysis
from threefactor.experiments.checks.card import Card
from threefactor.experiments.checks.rules import CheckReport
from threefactor.experiments.claims.reproduction import Reproduction
from threefactor.experiments.command_line.options import parse_train
from threefactor.experiments.training.evaluation import EvaluationResult
from threefactor.experiments.training.result import TrainingResult

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder from which the library can be imported, as if it were installed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_script_trains_and_evaluates_a_rule_of_its_own(folder):
    script = ROOT / "examples" / "from_python.py"
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    printed = dict(line.partition(": ")[::2] for line in done.stdout.splitlines())
    assert float(printed["own rule"]) > 90 > 70 > float(printed["shuffled reward"])
    assert printed["Balanced"].startswith("15 ok, 1 skipped")
    assert "mean of 5 episodes, learning off" in done.stdout
    assert list(folder.glob("runs/Identity-v0/reinforce/*/raster.png"))


def test_the_page_does_what_it_shows(folder, capsys):
    page = (ROOT / "docs" / "from_python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    exec(compile("\n".join(blocks), "docs/from_python.md", "exec"), {"__name__": "page"})
    assert (folder / "runs" / "a" / "DONE").exists()
    assert (folder / "raster.png").exists()
    words = re.search(r"^is `threefactor train (.*)`\.$", page, re.MULTILINE)[1]
    typed = parse_train(words.split()).config
    assert typed == threefactor.configure(threefactor.load_run("runs/a").config)
    assert typed.to_yaml() in capsys.readouterr().out


def test_the_page_of_runs_does_what_it_shows(folder):
    page = (ROOT / "docs" / "runs.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    exec(compile(block, "docs/runs.md", "exec"), {"__name__": "page"})
    for name in ("checkpoints/latest.npz", "meta.json", "config.yaml", "DONE", ".lock"):
        assert name in page
        assert list(folder.glob(f"runs/Identity-v0/*/*/{name}"))


def test_the_page_names_what_results_have():
    page = (ROOT / "docs" / "from_python.md").read_text()
    kinds = {kind.__name__: kind for kind in
             (TrainingResult, EvaluationResult, NeuralAnalysis, Comparison, CheckReport, Card,
              Reproduction)}  # fmt: skip
    rows = re.findall(r"^\| (`.*\)`) \| `(\w+)`(.*?)\|(.*?)\|", page, re.MULTILINE)
    assert {name for _, name, *_ in rows} == set(kinds)
    for calls, name, about, arrays in rows:
        assert all(hasattr(threefactor, call) for call in re.findall(r"(\w+)\(", calls))
        known = set(dir(kinds[name])) | set(kinds[name].__dataclass_fields__)
        assert {"report", *re.findall(r"`(\w+)", about + arrays)} <= known


def outputs(notebook, kind):
    """Return what cells show of a kind, as text or bytes in base 64."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output["data"][kind] for output in found if kind in output.get("data", {})]


def streams(notebook, name):
    found = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(o["text"] for o in found if o["output_type"] == "stream" and o["name"] == name)


def test_the_notebook_trains_shows_and_evaluates_a_rule_of_its_own(folder):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(cell.get("outputs", []) == [] for cell in notebook.cells), "commit it without"
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute()
    assert len(outputs(notebook, "image/png")) == 4
    assert "15 ok, 1 skipped" in streams(notebook, "stdout")
    assert "Warning" not in streams(notebook, "stderr")
    run, _ = sorted((folder / "runs" / "Identity-v0" / "Balanced").glob("*-seed0*"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "threefactor", "evaluate", run, "--episodes", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() in streams(notebook, "stdout")
