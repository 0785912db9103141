"""Users' files for tests; what they leave in `sys.modules` goes when a test ends."""

import sys

import gymnasium
import pytest

from threefactor.experiments.parts import user_files


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""
    before, known = set(sys.modules), dict(user_files._imported)
    registered = set(gymnasium.registry)

    def write_file(text, name="mine.py", folder="home"):
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    yield write_file
    for name in set(sys.modules) - before:
        place = getattr(sys.modules[name], "__file__", None) or ""
        if place.startswith(str(tmp_path)):
            del sys.modules[name]
    for name in set(gymnasium.registry) - registered:
        del gymnasium.registry[name]
    user_files._imported.clear()
    user_files._imported.update(known)
