"""Without PyTorch everything else works, and the error says what to install."""

import subprocess
import sys


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_a_missing_torch_is_one_line_with_the_command():
    done = run(
        "import sys; sys.modules['torch'] = None\n"
        "import threefactor.models.differentiable\n"
        "try:\n    from threefactor.models.differentiable import DifferentiableNetwork\n"
        "except ImportError as error: print(error)"
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stderr
    assert 'pip install "threefactor[deep]"' in lines[0]


def test_networks_load_no_torch():
    done = run(
        "import sys\nimport threefactor.models, threefactor.models.network\n"
        "import threefactor.models.differentiable, threefactor.models.interpreter\n"
        "print('torch' in sys.modules)"
    )
    assert done.stdout.strip() == "False", done.stderr


def test_a_name_that_is_not_there_is_an_attribute_error():
    done = run(
        "from threefactor.models import differentiable\n"
        "try:\n    differentiable.Nothing\nexcept AttributeError as error: print(error)"
    )
    assert "has no attribute 'Nothing'" in done.stdout, done.stderr


def test_an_agent_that_needs_torch_says_so_in_one_line(tmp_path):
    words = ["train", "--agent", "dqn", "--env", "Identity-v0", "--out", str(tmp_path / "run")]
    done = run(
        "import sys; sys.modules['torch'] = None\n"
        "from threefactor.experiments.command_line.main import main\n"
        f"sys.exit(main({words}))"
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: ")
    assert 'pip install "threefactor[deep]"' in line
    assert not (tmp_path / "run").exists()
