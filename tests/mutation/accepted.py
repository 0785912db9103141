"""Survivors that need no test, with the reason: (file or "" for any, before, after, why).

`before` and `after` are regular expressions over the lines that differ.
"""

_BELT = "equal lengths are made sure of above; `strict` says so to the reader"
_FROZEN = "nothing assigns the attributes of a result; frozen says so to the reader"
_SEED = "any seed will do: another draw of the same distribution"
_SPEED = "the same values, computed again each time"

ACCEPTED: list[tuple[str, str, str, str]] = [
    ("", r"strict=True", r"strict=False", _BELT),
    ("analysis/", r"@dataclass\(frozen=True\)", r"frozen=False", _FROZEN),
    ("analysis/coverage.py", r"default_rng\([01]\)", r"default_rng\(", _SEED),
    ("analysis/coverage.py", r"_N_TRUTH = ", "", "one draw of a million more or less"),
    ("analysis/coverage.py", r"@cache", r"^$", _SPEED),
    (
        "analysis/coverage.py",
        r"_SHARE_SOLVED\) \+ rng",
        "",
        "of a symmetric density the same score",
    ),
    ("analysis/coverage.py", r"axis=0", r"axis= -1", "draws have one axis"),
    (
        "analysis/coverage.py",
        r"n_resamples: int = 0",
        "",
        "taken for the sake of `Method`, not used",
    ),
    ("analysis/statistics.py", r"pooled, axis=0", r"axis= -1", "pooled scores have one axis"),
    (
        "analysis/statistics.py",
        r"reshape\(-1, 2\)",
        r"- 2",
        "NumPy takes any negative size for unknown",
    ),
    (
        "rules/timesteps.py",
        r"least: int = 0",
        r"= -1",
        "a negative duration misses its tolerance as well",
    ),
    ("", r"> 1e-9 \* ", r">= 1e-9 \* ", "no duration lies on the tolerance"),
]
