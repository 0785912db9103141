"""Ctrl-C as a request to stop where it does no harm."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self


class Interruption:
    """Context in which Ctrl-C asks for a stop between two steps; pressed twice, it stops at once.

    Elsewhere than in the main thread, where Python handles no signals, it does nothing.

    Parameters
    ----------
    stop : callable
        Receives the word "interrupted" when Ctrl-C is pressed.
    """

    def __init__(self, stop: Callable[[str], None]) -> None:
        self._stop = stop
        self._is_requested = False
        self._previous: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self._is_requested:
            raise KeyboardInterrupt
        self._is_requested = True
        self._stop("interrupted")
