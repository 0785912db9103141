"""Saved arrays to statistics and figures; never a live network, so nothing here needs Brian2."""
