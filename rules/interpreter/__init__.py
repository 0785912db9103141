"""Execute the strings of rules with an array library: the oracle, which knows no Brian2.

`interpret` runs one rule on given spikes; `models.interpreter` runs whole networks on the same
machine. It shares no code with the assembler and the engines but the parsing of strings, the units
of parameter names and the random numbers, which have tests of their own against closed forms.
"""

from threefactor.rules.interpreter.given_spikes import (
    Activity,
    Interpretation,
    Schedule,
    interpret,
)
from threefactor.rules.interpreter.plasticity import Wiring

__all__ = ["Activity", "Interpretation", "Schedule", "Wiring", "interpret"]
