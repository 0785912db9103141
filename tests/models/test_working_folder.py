"""A working folder for one call, which the rest of the process does not see."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from threefactor.models.assembly import assemble
from threefactor.models.engine import open_engine, working_folder
from threefactor.models.engine.working_folder import call_in
from threefactor.models.neurons import LIF

requires_unshare = pytest.mark.skipif(
    not ThreadPoolExecutor(1).submit(working_folder._leave_shared_folder).result(),
    reason="this system gives threads no working folder of their own",
)


@pytest.fixture
def elsewhere():
    """Return where another thread of the process stands, asked while a call goes on."""
    with ThreadPoolExecutor(1) as other:
        other.submit(os.getcwd).result()  # the thread begins here, not within the call
        yield lambda: other.submit(os.getcwd).result()


@pytest.fixture
def shared_folder_only(monkeypatch):
    monkeypatch.setattr(working_folder, "_leave_shared_folder", lambda: False)


@requires_unshare
def test_nobody_else_sees_the_folder_of_a_call(tmp_path, elsewhere):
    here, seen = os.getcwd(), []
    call_in(
        tmp_path, lambda: seen.extend([os.getcwd(), elsewhere(), os.readlink("/proc/self/cwd")])
    )
    assert seen == [str(tmp_path), here, here]
    assert os.getcwd() == here


@requires_unshare
def test_a_failing_call_fails_and_leaves_the_process_where_it_was(tmp_path, elsewhere):
    here = os.getcwd()
    with pytest.raises(ZeroDivisionError):
        call_in(tmp_path, lambda: 1 // 0)
    with pytest.raises(FileNotFoundError):
        call_in(tmp_path / "nowhere", os.getcwd)
    assert [os.getcwd(), elsewhere()] == [here, here]


@requires_unshare
def test_a_removed_working_folder_is_no_hindrance(tmp_path, monkeypatch):
    seen = []
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    call_in(tmp_path, lambda: seen.append(os.getcwd()))
    assert seen == [str(tmp_path)]


@pytest.mark.usefixtures("shared_folder_only")
def test_without_such_threads_the_process_goes_and_comes_back(tmp_path):
    here, seen = os.getcwd(), []
    call_in(tmp_path, lambda: seen.append(os.getcwd()))
    with pytest.raises(ZeroDivisionError):
        call_in(tmp_path, lambda: 1 // 0)
    assert seen == [str(tmp_path)]
    assert os.getcwd() == here


@pytest.mark.usefixtures("shared_folder_only")
def test_such_calls_wait_for_each_other(tmp_path):
    folders = [tmp_path / name for name in "abcd"]
    for folder in folders:
        folder.mkdir()

    def seen_in(folder):
        places = []

        def look_twice():
            places.append(os.getcwd())
            time.sleep(0.02)  # another call would come between, if it could
            places.append(os.getcwd())

        call_in(folder, look_twice)
        return set(places)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(seen_in, folders)) == [{str(folder)} for folder in folders]


@requires_unshare
def test_opening_compiled_networks_does_not_move_the_process(make_spec):
    plan, seen, is_open = assemble(make_spec(None, LIF())), set(), threading.Event()

    def watch():
        while not is_open.is_set():
            seen.add(os.getcwd())

    with ThreadPoolExecutor(1) as watcher:
        watching = watcher.submit(watch)
        try:
            for _ in range(20):
                open_engine(plan, "compiled").close()
        finally:
            is_open.set()
        watching.result()
    assert seen == {os.getcwd()}
