"""Architectures: one layout of an agent's network a file."""
