"""Ctrl-C, SIGTERM and SIGHUP as requests to stop where it does no harm."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Self

#: Signal -> what it does to a run.
SIGNALS = {
    signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up",
}  # fmt: skip


class Interruption:
    """Context in which signals ask for a stop between two steps; a second one stops at once.

    Elsewhere than in the main thread, where Python handles no signals, it does nothing; nor to
    signals that are ignored, as SIGHUP by `nohup`.

    Parameters
    ----------
    stop : callable
        Receives a word, "interrupted" when Ctrl-C is pressed.
    """

    def __init__(self, stop: Callable[[str], None]) -> None:
        self._stop = stop
        self._is_requested = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _leave_terminal()
        if self._is_requested:
            raise KeyboardInterrupt
        self._is_requested = True
        self._stop(SIGNALS[signal.Signals(number)])


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let every signal that asks for an end raise KeyboardInterrupt, as Ctrl-C does.

    A shell script lets what it puts in the background ignore SIGINT; `kill -INT` shall stop that.
    """
    previous = {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if number == signal.SIGINT or signal.getsignal(number) == signal.SIG_DFL:
                previous[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            if signal.getsignal(number) is _interrupt:
                signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        _leave_terminal()
    raise KeyboardInterrupt


def _leave_terminal() -> None:
    """Write to nowhere what would go to a terminal that is gone."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        with suppress(OSError):
            if os.isatty(descriptor):
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
