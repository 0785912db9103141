"""Agents trained by gradients through spikes; nothing here is imported by the core."""
