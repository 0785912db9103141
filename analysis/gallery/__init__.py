"""Figures of the gallery's experiments."""
