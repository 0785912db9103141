"""Biologically plausible learning rules in a compiled closed loop."""

from pathlib import Path

# In a checkout the folders of the library stand beside this one; installed, they stand in it.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "rules" / "contract.py").is_file():
    __path__.append(str(_checkout))
