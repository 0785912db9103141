"""Steps of the differential equations of a place: exact where they are linear, else explicit."""

from collections.abc import Callable, Mapping

import numpy as np

from threefactor.naming import check_choice
from threefactor.rules.interpreter.arrays import Array
from threefactor.rules.interpreter.places import Executor
from threefactor.rules.interpreter.propagators import propagator
from threefactor.rules.language import names_in


class Integrator:
    """Advances the differential equations of a place by one timestep.

    Parameters
    ----------
    executor : Executor
        Whose place has the equations.
    method : str, default "exact"
        One of `METHODS`; "exact" holds what is not integrated constant within a timestep.

    Attributes
    ----------
    inputs : list of str
        What the derivatives read beyond the integrated variables.

    Raises
    ------
    ValueError
        For an unknown method.
    """

    def __init__(self, executor: Executor, method: str = "exact") -> None:
        self.executor, self.place = executor, executor.place
        self.names = list(self.place.slopes)
        self.inputs = sorted(self._read_names())
        self._known: bytes | None = None
        self._rows: list[tuple[list[tuple[int, Array]], Array]] = []
        check_choice(f"method of {self.place.where}:", method, METHODS)
        self._method = METHODS[method]

    def advance(self) -> None:
        """Run one timestep."""
        if self.names:
            state = [self.place.values[name] for name in self.names]
            for name, value in zip(self.names, self._method(self, state), strict=True):
                self.place.put(name, value)

    def slopes(self, state: list[Array]) -> list[Array]:
        """Return the derivatives where the integrated variables have the values of `state`."""
        given = dict(zip(self.names, state, strict=True))
        slopes = self.place.slopes
        return [self.executor.evaluate(slopes[name], None, given) for name in self.names]

    @property
    def dt(self) -> float:
        """The timestep, s."""
        return self.executor.read("dt")

    def _read_names(self) -> set[str]:
        """Return what the derivatives read beyond integrated variables."""
        place, names = self.place, set[str]()
        if place.slopes:
            for expression in (*place.slopes.values(), *place.derived.values()):
                names |= names_in(expression)
        return names - {*place.slopes, *place.derived}

    def exact(self, state: list[Array]) -> list[Array]:
        """Return the state one timestep later, the linear equations solved exactly."""
        inputs = {name: np.asarray(self.executor.read(name)) for name in self.inputs}
        known = b"|".join(value.tobytes() for value in inputs.values())
        if known != self._known:
            self._known, self._rows = known, self._solve(inputs)
        return [
            sum((factor * state[k] for k, factor in factors), start=drive)
            for factors, drive in self._rows
        ]

    def _solve(
        self, inputs: Mapping[str, np.ndarray]
    ) -> list[tuple[list[tuple[int, Array]], Array]]:
        """Return for each variable what it depends on, (number, factor) each, and its drive."""
        is_uniform = all(value.size == 1 for value in inputs.values())
        shape = (1, 1) if is_uniform else self.place.shape
        count, size = len(self.names), int(np.prod(shape))

        def slope(values: np.ndarray) -> np.ndarray:
            rows = self.slopes([row.reshape(shape) for row in values])
            return np.array([np.broadcast_to(row, shape).ravel() for row in rows], float)

        decay, drive = propagator(slope, count, size, self.dt, self.place.where)
        convert = self.place.arrays.array
        return [
            (
                [
                    (k, convert(decay[j, k].reshape(shape)))
                    for k in range(count)
                    if decay[j, k].any()
                ],
                convert(drive[j].reshape(shape)),
            )
            for j in range(count)
        ]


def _euler(equations: Integrator, x: list[Array]) -> list[Array]:
    return _shifted(x, equations.slopes(x), equations.dt)


def _midpoint(equations: Integrator, x: list[Array]) -> list[Array]:
    half = _shifted(x, equations.slopes(x), 0.5 * equations.dt)
    return _shifted(x, equations.slopes(half), equations.dt)


def _runge_kutta(equations: Integrator, x: list[Array]) -> list[Array]:
    dt = equations.dt
    first = equations.slopes(x)
    second = equations.slopes(_shifted(x, first, 0.5 * dt))
    third = equations.slopes(_shifted(x, second, 0.5 * dt))
    fourth = equations.slopes(_shifted(x, third, dt))
    mean = [
        (a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(first, second, third, fourth, strict=True)
    ]
    return _shifted(x, mean, dt)


def _exponential_euler(equations: Integrator, x: list[Array]) -> list[Array]:
    """Solve each equation exactly, the other variables held at the beginning of the timestep."""
    arrays, dt, after = equations.place.arrays, equations.dt, []
    for k, value in enumerate(x):
        at = [equations.slopes([*x[:k], n + 0 * value, *x[k + 1 :]])[k] for n in (0.0, 1.0, 2.0)]
        constant, factor = at[0], at[1] - at[0]
        if not np.allclose(at[2] - at[1], factor, rtol=1e-9, atol=1e-9 * np.abs(at[2]).max()):
            raise ValueError(
                f"{equations.place.where}: exponential_euler expects an equation of "
                f"{equations.names[k]} that is linear in it; choose rk4."
            )
        safe = arrays.where(factor == 0, 1.0, factor)
        goal = -constant / safe
        relaxed = goal + (value - goal) * arrays.functions["exp"](factor * dt)
        after.append(arrays.where(factor == 0, value + dt * constant, relaxed))
    return after


def _shifted(x: list[Array], slopes: list[Array], dt: float) -> list[Array]:
    return [value + dt * slope for value, slope in zip(x, slopes, strict=True)]


#: Names of Brian2's methods -> how they step.
METHODS: dict[str, Callable[[Integrator, list[Array]], list[Array]]] = {
    "exact": Integrator.exact,
    "euler": _euler,
    "rk2": _midpoint,
    "rk4": _runge_kutta,
    "exponential_euler": _exponential_euler,
    # Of stochastic equations; without noise there is nothing left of them but this.
    "heun": _euler,
    "milstein": _euler,
}
