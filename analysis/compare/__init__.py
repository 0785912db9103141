"""Comparisons of trained agents: groups of seeds, a table, a figure (command `compare`)."""
