"""Agents trained by gradients through spikes; only their settings are imported by the core."""
