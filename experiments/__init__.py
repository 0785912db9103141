"""Composition: agents from parts, the closed loop, runs, and the experiments that make claims."""

if __name__ != "threefactor.experiments":
    raise ImportError("this folder is threefactor.experiments: import it by that name")
