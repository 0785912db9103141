"""Segments: journals, what they are sealed to, and how far damaged ones are read."""

import errno
import os

import h5py
import numpy as np
import pytest

from threefactor.agents.contract import Connection
from threefactor.analysis.segments import Segment, open_segment
from threefactor.experiments.training import segments
from threefactor.experiments.training.segments import Layout, SegmentWriter

LAYOUT = Layout({"output": 4}, ("plastic.w[0]",), {"plastic": Connection([0, 2], [1, 0], 3, 2)})
ROWS = 400_000  # several blocks


def fill(writer):
    for start in range(0, ROWS, ROWS // 4):
        times = np.arange(start, start + ROWS // 4, dtype=float)
        writer.append("output", {"time_ms": times, "neuron": times % 4, "replica": times * 0})
        writer.append("weights", {"episode": [start], "plastic": [[0.5, start]]})
        writer.flush()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the bytes of a journal and of what it is sealed to."""
    folder = tmp_path_factory.mktemp("whole")
    writer = SegmentWriter(folder, LAYOUT, {"output": 5}, "me")
    fill(writer)
    (journal,) = folder.iterdir()
    content = journal.read_bytes()
    writer.close()
    (sealed,) = folder.iterdir()
    return {".journal": content, ".h5": sealed.read_bytes()}


def opened(tmp_path, suffix, content):
    path = tmp_path / f"segment-00000{suffix}"
    path.write_bytes(content)
    return open_segment(path)


@pytest.mark.parametrize("suffix", [".journal", ".h5"])
def test_both_are_read_alike(tmp_path, whole, suffix):
    segment = opened(tmp_path, suffix, whole[suffix])
    assert segment.damage == ""
    assert segment.layout["run"] == "me"
    assert segment.layout["rows_before"]["output"] == 5
    assert segment.rows == {
        "output": ROWS, "events": 0, "probes": 0, "weights": 4, "connections/plastic": 2
    }  # fmt: skip
    np.testing.assert_array_equal(segment.read("output", "time_ms"), np.arange(ROWS))
    assert segment.read("output", "neuron", 6).tolist() == [0, 1, 2, 3, 0, 1]
    assert segment.read("weights", "plastic").shape == (4, 2)
    assert segment.read("probes", "values").shape == (0, 1)


def test_hdf5_reads_what_is_sealed(tmp_path, whole):
    opened(tmp_path, ".h5", whole[".h5"])
    with h5py.File(tmp_path / "segment-00000.h5") as file:
        np.testing.assert_array_equal(file["output/time_ms"][:], np.arange(ROWS))
        assert file["output"].attrs["n_neurons"] == 4
        assert file["connections/plastic/pre"][:].tolist() == [0, 2]
        assert file["connections/plastic"].attrs["n_post"] == 2


@pytest.mark.parametrize("suffix", [".journal", ".h5"])
@pytest.mark.parametrize("part", [0.0001, 0.2, 0.5, 0.9, 0.9999])
def test_the_beginning_of_one_is_read(tmp_path, whole, suffix, part):
    content = whole[suffix]
    segment = opened(tmp_path, suffix, content[: int(part * len(content))])
    if isinstance(segment, str):
        assert part == 0.0001
        return
    assert segment.damage
    times = segment.read("output", "time_ms")
    np.testing.assert_array_equal(times, np.arange(times.size))
    assert times.size >= (0 if part < 0.5 else ROWS // 8)


@pytest.mark.parametrize("suffix", [".journal", ".h5"])
def test_flipped_bits_cost_what_follows_and_no_false_number_is_read(tmp_path, whole, suffix):
    chance = np.random.default_rng(0)
    lost = 0
    for _ in range(25):
        content = bytearray(whole[suffix])
        content[chance.integers(len(content))] ^= 1 << int(chance.integers(8))
        segment = opened(tmp_path, suffix, content)
        if isinstance(segment, str):
            lost += 1
            continue
        times = segment.read("output", "time_ms")
        np.testing.assert_array_equal(times, np.arange(times.size))
        np.testing.assert_array_equal(segment.read("output", "neuron"), times % 4)
        assert segment.damage or times.size == ROWS
    assert lost < 3


def test_one_index_is_enough(tmp_path, whole):
    content = bytearray(whole[".h5"])
    content[30:60] = bytes(30)
    segment = opened(tmp_path, ".h5", content)
    assert segment.rows["output"] == ROWS
    content[-40:] = bytes(40)
    assert "no index" in opened(tmp_path, ".h5", content)


def test_a_file_of_hdf5_alone_is_not_opened(tmp_path):
    with h5py.File(tmp_path / "segment-00000.h5", "w") as file:
        file["output/time_ms"] = np.arange(3)
    assert "of another version" in open_segment(tmp_path / "segment-00000.h5")


def test_what_a_kill_has_left_is_sealed_by_the_next_writer(tmp_path, whole):
    (tmp_path / "segment-00000.journal").write_bytes(whole[".journal"][:-3])
    (tmp_path / "segment-00001.journal").write_bytes(whole[".journal"])
    (tmp_path / "segment-00001.h5").write_bytes(whole[".h5"])  # killed before its last step
    SegmentWriter(tmp_path, LAYOUT, {}, "me").close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "segment-00000.h5", "segment-00001.h5", "segment-00002.h5"
    ]  # fmt: skip
    assert open_segment(tmp_path / "segment-00000.h5").damage == ""
    assert open_segment(tmp_path / "segment-00000.h5").rows["weights"] == 3


def test_a_damaged_journal_stays_as_it_is(tmp_path, whole):
    content = bytearray(whole[".journal"])
    content[len(content) // 2] ^= 1
    (tmp_path / "segment-00000.journal").write_bytes(content)
    SegmentWriter(tmp_path, LAYOUT, {}, "me").close()
    assert (tmp_path / "segment-00000.journal").read_bytes() == content


def test_a_full_disk_keeps_whole_rows_and_is_told_in_one_line(tmp_path, monkeypatch):
    room, pwrite = 3_000_000, os.pwrite

    def limited(file, content, place):
        if place >= room:
            raise OSError(errno.ENOSPC, "no space")
        return pwrite(file, bytes(content)[: room - place], place)

    monkeypatch.setattr(os, "pwrite", limited)
    (tmp_path / "recordings").mkdir()
    writer = SegmentWriter(tmp_path / "recordings", LAYOUT, {}, "me")
    with pytest.raises(OSError, match=r"cannot write any more \(No space left on device\)") as told:
        fill(writer)
    assert f"train --resume {tmp_path}" in str(told.value)
    segment = open_segment(tmp_path / "recordings" / "segment-00000.journal")
    assert isinstance(segment, Segment)
    assert segment.damage == ""
    assert segment.rows["output"] == ROWS // 2
    with pytest.raises(OSError, match="cannot write"):
        writer.close()
    monkeypatch.setattr(segments, "write_atomically", None)  # nothing is left to be written
    writer.close()
