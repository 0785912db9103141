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
