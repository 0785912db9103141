"""What YAML and JSON can hold, from what settings and results are made of."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from threefactor.experiments.plain_data import plain


@dataclass(frozen=True)
class Settings:
    sizes: tuple[int, ...] = (3, 4)
    where: Path = Path("runs/a")


def test_plain_data_survives_json_and_yaml():
    data = plain({
        "settings": Settings(), 7: np.float64(0.5), "rates": np.arange(4).reshape(2, 2),
        "is_done": np.bool_(True), "nothing": None,
    })  # fmt: skip
    assert data == {
        "settings": {"sizes": [3, 4], "where": "runs/a"}, "7": 0.5, "rates": [[0, 1], [2, 3]],
        "is_done": True, "nothing": None,
    }  # fmt: skip
    assert json.loads(json.dumps(data)) == data == yaml.safe_load(yaml.safe_dump(data))


@pytest.mark.parametrize("value", [Settings, {1, 2}, object()])
def test_other_things_are_refused(value):
    with pytest.raises(TypeError, match="Plain data: expected numbers.*Convert it first"):
        plain({"a": [value]})
