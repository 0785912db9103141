"""Durations in timesteps."""


def whole_steps(name: str, duration_ms: float, dt_ms: float, least: int = 0) -> int:
    """Return a duration in timesteps.

    Raises
    ------
    ValueError
        If it is no multiple of the timestep, or too short; `name` begins the message.
    """
    steps = round(duration_ms / dt_ms)
    if steps < least or abs(steps * dt_ms - duration_ms) > 1e-9 * duration_ms:
        raise ValueError(
            f"{name} must be a multiple of the timestep ({dt_ms} ms), got {duration_ms} ms."
        )
    return steps
