"""Saved arrays to statistics and figures; never a live network, so nothing here needs Brian2."""

if __name__ != "threefactor.analysis":
    raise ImportError("this folder is threefactor.analysis: import it by that name")
