"""rules/ stands alone: NumPy and the standard library."""

import ast
import sys
from pathlib import Path

import pytest

import threefactor.rules

FOLDER = Path(threefactor.rules.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_imports_only_numpy_and_the_standard_library(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module.partition(".")[0])
    assert imported <= set(sys.stdlib_module_names) | {"numpy", "threefactor"}
