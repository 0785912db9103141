"""How a network is advanced: compiled C++ in this process, or the stepped Brian2 runtime."""

import sys
from collections.abc import Callable

from threefactor.models.blueprint import Blueprint
from threefactor.models.engine.brian_import import needed_only
from threefactor.models.engine.protocol import Engine
from threefactor.naming import check_choice

ENGINES = ("auto", "compiled", "runtime", "runtime-numpy")


def open_engine(
    plan: Blueprint, engine: str = "auto", say: Callable[[str], None] | None = None
) -> Engine:
    """Return an engine running `plan`.

    Parameters
    ----------
    plan : Blueprint
    engine : {"auto", "compiled", "runtime", "runtime-numpy"}
        auto: compiled where there are a compiler and a tested Brian2, else runtime-numpy, saying
        in one line what is lost.
        runtime: Brian2's Cython target; it needs a compiler as well.
    say : callable, optional
        Receives that line; default: standard error.

    Raises
    ------
    ValueError
        For an unknown engine, or if Brian2 refuses the network.
    CompilerError
        If the compiler refuses the network, or "compiled" was asked for and cannot be had.
    """
    check_choice("engine", engine, ENGINES)
    if engine in ("auto", "compiled"):
        from threefactor.models.engine.build_cache import UnavailableError
        from threefactor.models.engine.compiled import CompiledEngine

        try:
            return CompiledEngine(plan)
        except UnavailableError as error:
            if engine == "compiled":
                raise
            line = f"{error}: using the runtime engine (same spikes, 50 to 100 times slower)."
            (say or (lambda text: print(text, file=sys.stderr)))(line)
            engine = "runtime-numpy"
    with needed_only():
        from threefactor.models.engine.runtime import RuntimeEngine

    return RuntimeEngine(plan, "numpy" if engine == "runtime-numpy" else "cython")
