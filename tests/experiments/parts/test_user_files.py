"""Users' files: imported once, known by content, with what they import; clear errors."""

import pickle
import sys
from pathlib import Path

import pytest

from threefactor.experiments.parts.user_files import anchored, import_file, shown, split_name


def test_names_with_and_without_a_file():
    assert split_name("mine.py:Mine") == ("mine.py", "Mine")
    assert split_name("a/b:c.py:Mine-v0") == ("a/b:c.py", "Mine-v0")
    assert split_name("mine.py") == ("mine.py", "")
    assert split_name("rstdp") is split_name("package:Id-v0") is None
    assert anchored("mine.py:Mine", Path("/a/b")) == "/a/b/mine.py:Mine"
    assert anchored("../mine.py:Mine", Path("/a/b")) == "/a/mine.py:Mine"
    assert anchored("/c/mine.py:Mine", Path("/a/b")) == "/c/mine.py:Mine"
    assert anchored("rstdp", Path("/a/b")) == "rstdp"
    assert [shown("/a/b/mine.py:Mine"), shown("rstdp")] == ["mine.py:Mine", "rstdp"]


def test_a_file_is_run_once_and_again_when_it_has_changed(write, capsys):
    path = write("print('run'); A = 1\n")
    first, second = import_file(path), import_file(path)
    assert first.module is second.module
    write("print('run'); A = 2\n")
    assert [import_file(path).module.A, first.module.A] == [2, 1]
    assert capsys.readouterr().out == "run\nrun\n"


def test_the_same_content_elsewhere_is_the_same_module(write):
    text = "class State:\n    pass\n"
    one, copy = write(text), write(text, folder="copy")
    assert import_file(one).module is import_file(copy).module
    assert import_file(copy).path == copy
    state = pickle.dumps(import_file(one).module.State())
    assert isinstance(pickle.loads(state), import_file(copy).module.State)


def test_siblings_belong_to_the_file(write):
    write("LENGTH = 3\n", "lengths.py")
    write("from lengths import LENGTH\n", "helpers.py")
    write("", "package/__init__.py")
    write("WIDTH = 4\n", "package/widths.py")
    write("raise ValueError\n", "unused.py")
    path = write("import os\nimport helpers\nfrom package.widths import WIDTH\n")
    file = import_file(path)
    assert list(file.contents) == [
        "mine.py", "helpers.py", "package/__init__.py", "package/widths.py", "lengths.py"
    ]  # fmt: skip
    assert (file.module.helpers.LENGTH, file.module.WIDTH) == (3, 4)
    assert list(path.parent.rglob("__pycache__")) == []
    assert str(path.parent) not in sys.path


def test_siblings_of_the_same_name_in_two_folders(write):
    paths = [
        write("from helpers import A\n", folder=folder)
        for folder, value in (("one", 1), ("two", 2))
        if write(f"A = {value}\n", "helpers.py", folder)
    ]
    assert [import_file(path).module.A for path in (*paths, *paths)] == [1, 2, 1, 2]
    assert sys.modules["helpers"].A == 2


def test_a_changed_sibling_is_read_again(write):
    path = write("from helpers import A\n")
    write("A = 1\n", "helpers.py")
    assert import_file(path).module.A == 1
    write("A = 2\n", "helpers.py")
    assert import_file(path).module.A == 2


def test_a_sibling_whose_name_is_taken_is_refused(write):
    write("A = 1\n", "json.py")
    with pytest.raises(ValueError, match=r"imports 'json'.*json/.*py. Rename the one in its"):
        import_file(write("import json\n"))


ERRORS = {
    "syntax": ("x = 1\ndef broken(:\n", "mine.py cannot be imported: line 2: SyntaxError: inv"),
    "null byte": ("x = '\0'\n", r"mine.py cannot be imported: .*null bytes"),
    "missing module": (
        "\nimport no_such_module\n", "line 2: ModuleNotFoundError: No module named 'no_such_mod",
    ),
    "any error": ("def f():\n    1/0\nf()\n", "line 2: ZeroDivisionError: division by zero."),
    "a base error": ("raise GeneratorExit\n", "line 1: GeneratorExit."),
    "exit": (
        "import sys\nsys.exit()\n", r"line 2: the file ended the program \(SystemExit\); put what",
    ),
    "exit with 0": ("raise SystemExit(0)\n", r"line 1: the file ended the program \(SystemExit\)"),
    "interrupt": (
        "raise KeyboardInterrupt\n", r"line 1: the file ended the program \(KeyboardInterrupt\)",
    ),
    "relative import": ("from . import helpers\n", "line 1: ImportError: attempted relative"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_a_file_that_cannot_be_imported_is_one_line(name, write):
    text, message = ERRORS[name]
    before = set(sys.modules)
    with pytest.raises(ValueError, match=message) as caught:
        import_file(write(text))
    assert "\n" not in str(caught.value)
    assert not [name for name in set(sys.modules) - before if name.startswith("threefactor_user")]


@pytest.mark.parametrize(
    ("text", "message"),
    [("def broken(:\n", "helpers.py, line 1: SyntaxError"), ("1/0\n", "helpers.py, line 1: Zero")],
)
def test_an_error_of_a_sibling_names_its_file(text, message, write):
    write(text, "helpers.py")
    with pytest.raises(ValueError, match=f"mine.py cannot be imported: {message}"):
        import_file(write("import helpers\n"))


def test_a_missing_file_is_answered_with_the_closest(write):
    path = write("A = 1\n")
    with pytest.raises(ValueError, match=r"no file 'mime.py' in .*home. Did you mean 'mine.py'\?"):
        import_file(path.with_name("mime.py"))
