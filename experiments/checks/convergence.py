"""What counts as convergence when the timestep falls: 1, 0.5 and 0.1 ms."""

#: Timesteps in one ms, from coarse to fine.
DIVISIONS = (1, 2, 10)
#: The error at 0.5 ms is 0.44 of that at 1 ms if it falls as dt; 0.89 if a sum lacks its dt,
#: 0.81 if it is one of white noise.
LARGEST_RATIO = 0.65
#: Relative error at 0.5 ms that may be left: what vanishes as dt has 4.
LARGEST_ERROR = 1.0
#: Relative error that counts as none.
SAME = 1e-3


def converges(far: float, near: float) -> bool:
    """Return whether errors at 1 ms and at 0.5 ms, relative to 0.1 ms, say so."""
    return near < SAME or (near < LARGEST_RATIO * far and near < LARGEST_ERROR)
