"""Composition: agents from parts, the closed loop, runs, and the experiments that make claims."""
