"""Archives: what goes in comes out, nothing runs, and damage is one line."""

import pickle
import random

import numpy as np
import pytest

from threefactor.experiments.archive import read_archive, write_archive

CONTENT = {
    "agent": {
        "w": np.random.default_rng(0).random((3, 50)),
        "small": np.array([0.1, np.nan, -0.0]),
    },
    "tuple": (1, [2.5, None, True], {"a": "text"}),
    "seed": 2**127 + 1,
    "kinds": [np.float32(0.1), np.int8(-3), np.bool_(True), np.zeros((0, 3)), np.arange(99) > 3],
    3: {"$key": (4, 5)},
    ("policy.w", 7): np.array(["x", "yz"]),
}


def same(one, two):
    assert type(one) is type(two)
    if isinstance(one, dict):
        assert list(one) == list(two)
        one, two = list(one.values()), list(two.values())
    if isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        return all(same(a, b) for a, b in zip(one, two, strict=True))
    if isinstance(one, (np.ndarray, np.generic)):
        assert one.dtype == two.dtype
        assert one.shape == two.shape
        return one.tobytes() == two.tobytes()
    return one == two


def test_what_goes_in_comes_out(tmp_path):
    write_archive(tmp_path / "a.npz", CONTENT)
    assert same(read_archive(tmp_path / "a.npz"), CONTENT)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["agent/w"], CONTENT["agent"]["w"])
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("value", [object(), {1}, np.array([None]), lambda: 0, {"a": [b"x"]}])
def test_what_is_no_plain_data_is_refused_by_its_place(tmp_path, value):
    with pytest.raises(TypeError, match=r"agent/deep.*expected"):
        write_archive(tmp_path / "a.npz", {"agent": {"deep": value}})
    assert list(tmp_path.iterdir()) == []


def test_flipped_bits_never_go_unnoticed(tmp_path):
    path, chance = tmp_path / "a.npz", random.Random(0)
    write_archive(path, CONTENT)
    whole, found = path.read_bytes(), 0
    for _ in range(200):
        content = bytearray(whole)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        try:
            assert same(read_archive(path), CONTENT)  # a date, say
        except ValueError:
            found += 1
    assert found > 150


@pytest.mark.parametrize("size", [0, 1, 100, 0.5, -1])
def test_a_part_of_it_is_one_line(tmp_path, size):
    path = tmp_path / "a.npz"
    write_archive(path, CONTENT)
    content = path.read_bytes()
    path.write_bytes(content[: int(size * len(content)) if size == 0.5 else size])
    with pytest.raises(ValueError, match=r"a\.npz: damaged"):
        read_archive(path)


class Trap:
    def __reduce__(self):
        return pytest.fail, ("it was run",)


def test_a_pickle_is_not_run(tmp_path):
    (tmp_path / "a.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match="damaged"):
        read_archive(tmp_path / "a.npz")
    array = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "b.npz", tree=array, allow_pickle=True)
    with pytest.raises(ValueError, match="damaged"):
        read_archive(tmp_path / "b.npz")
