"""Survivors that need no test, with the reason: (file or "" for any, before, after, why).

`before` and `after` are regular expressions over the lines that differ.
"""

_BELT = "equal lengths are made sure of above; `strict` says so to the reader"
_FROZEN = "nothing assigns the attributes of a result; frozen says so to the reader"
_SEED = "any seed will do: another draw of the same distribution"
_SPEED = "the same values, computed again each time"

_SYMMETRIC = "of a symmetric density the same score"
_UNUSED = "taken for the sake of `Method`, not used"
_SIZE = "NumPy takes any negative size for unknown"
_NEGATIVE = "a negative duration misses its tolerance as well"
_TOUCHED = "they touch different neurons"
_LATER = "the outcome of the window sets it before it is read"
_ZERO = "the factor beside it is zero there"
_SUM = "both add to the eligibility"
_WRITTEN = "the host writes it before every block that reads it"
_MASKED = "the error of replicas that are not active is set to zero below"
_SPREAD = "a resampled spread is zero up to rounding, or far from it"
_REFUSED = "refused in the lines below as well"
_COLUMN = "no other column is read, and what has no number is refused in `bind`"
_SMALL = "at the tiny learning rate of the test it is; the flag is about others"
_UNREAD = "where sums are zero the quotient is not taken"
_NO_FIELDS = "the base has no fields to initialise"

# fmt: off
ACCEPTED: list[tuple[str, str, str, str]] = [
    ("", r"strict=True", r"strict=False", _BELT),
    ("", r"> 1e-9 \* ", r">= 1e-9 \* ", "nothing lies on the tolerance"),
    ("analysis/", r"@dataclass\(frozen=True\)", r"frozen=False", _FROZEN),
    ("analysis/coverage.py", r"default_rng\([01]\)", r"default_rng\(", _SEED),
    ("analysis/coverage.py", r"_N_TRUTH = ", "", "one draw of a million more or less"),
    ("analysis/coverage.py", r"@cache", r"^$", _SPEED),
    ("analysis/coverage.py", r"_SHARE_SOLVED\) \+ rng", "- rng", _SYMMETRIC),
    ("analysis/coverage.py", r"< _SHARE_SOLVED", "<= _SHARE_SOLVED", "no draw lies on it"),
    ("analysis/coverage.py", r"axis=0", r"axis= -1", "draws have one axis"),
    ("analysis/coverage.py", r"n_resamples: int = 0", "", _UNUSED),
    ("analysis/statistics/", r"pooled, axis=0", r"axis= -1", "pooled scores have one axis"),
    ("analysis/statistics/", r"reshape\(-1, 2\)", r"- 2", _SIZE),
    ("rules/timesteps.py", r"least: int = 0", r"= -1", _NEGATIVE),
    ("rules/modulators/contract.py", r"@dataclass", r"^$", _NO_FIELDS),
    ("rules/modulators/reward_baseline.py", r"\[0\]", r"\[ -1\]", "of one the first is the last"),
    ("rules/modulators/td.py", r"pending = np.where\(active, 0.0", "", _LATER),
    ("rules/clopath.py", r"v > theta_plus", r"v >= theta_plus", _ZERO),
    ("rules/", r"pre_on_spike., .post_on_spike", r"post_on_spike., .pre_on_spike", _TOUCHED),
    ("rules/rstdp", r"on_pre., .on_post.\)", r"on_post., .on_pre.\)", _SUM),
    ("rules/", r'"agreement": "decision"', r'"agreement": "(keep|episode)"', _WRITTEN),
    ("rules/", r"steps > 1.5", r"steps >= 1.5", "steps are whole numbers"),
    ("rules/", r"steps < 1.5", r"steps <= 1.5", "steps are whole numbers"),
    ("rules/checks.py", r">= weights.keys", r"> weights.keys", "beside w there is always more"),
    ("rules/updates.py", r"int\(change <= 0\)", r"int\(change < 0\)", "zero times it is zero"),
    ("rules/modulators/td_linear.py", r"reinforcement.rewards, 0.0", "", _MASKED),
    ("analysis/coverage.py", r"spreads > 1e-9 \* spread", r">= 1e-9|1e-9 /", _SPREAD),
    ("rules/modulators/feedback.py", r"got 'feedback'", r"^pass$", _REFUSED),
    ("rules/modulators/contract.py", r"@dataclass\(frozen=True\)", r"frozen=False", _FROZEN),
    ("agents/plastic/controls.py", r"size: int = 1000", "", "such a store shuffles as well"),
    ("agents/plastic/controls.py", r"views\[0\]", r"views\[ ", "all views are of one projection"),
    ("rules/modulators/reward_baseline.py", r"columns = host.n_stimuli or 1", "", _COLUMN),
    ("rules/modulators/reward_baseline.py", r"mean\[0, 0\]", r"mean\[ -1, 0\]", "it has one row"),
    ("rules/modulators/td_linear.py", r"eatures = np.where\(active", "", _MASKED),
    ("rules/modulators/td_linear.py", r"n_replicas, 0\)", "", "an array without elements"),
    ("rules/updates.py", r"int\(change > 0\)", r"int\(change >= 0\)", "zero times it is zero"),
    ("rules/updates.py", r"where\(sums == 0, 1.0, sums", r"where\(sums == 0, 2.0, sums", _UNREAD),
    ("rules/updates.py", r"reshape\(-1", r"reshape\(- 2", _SIZE),
    ("rules/", r"@once", r"^$", _SPEED),
    ("agents/plastic/controls.py", r"< 0.5", r"value / |<= 0.5", "a sign divides as it multiplies"),
    ("rules/modulators/contract.py", r"scalar\[:, 0\]", r"-1\]", "it has one column"),
    ("rules/modulators/contract.py", r'"discount", 0.0', r"1.0", "both are discounts"),
    ("rules/modulators/contract.py", r"sorted\(expected", r"list\(expected", "names in any order"),
    ("rules/modulators/reward_baseline.py", r"mean\[0, 0\]", r"-1\]", "it has one column"),
    ("rules/modulators/reward_baseline.py", r"super\(\)", r"^pass$", _REFUSED),
    ("rules/clopath.py", r"steps > 0", r"steps >= 0", "at the first timestep both are zero"),
    ("rules/clopath.py", r"> theta_minus", r">= theta_minus", _ZERO),
    ("rules/clopath.py", r'"each_step", "on_pre"', r'"on_pre", "each_step"', _SUM),
    ("rules/", r'"post_on_spike"', r'"post_on_spike", "on_post"', _TOUCHED),
    ("rules/", r'"pre_on_spike"', r'"pre_on_spike", "on_pre"', _TOUCHED),
    ("analysis/coverage.py", r"97.5", r"96.5", "coverage differs by less than it is known to"),
    ("rules/clopath.py", r"steps > 1\)\*\(v_fast", r"steps >= 1", "no spike came before"),
    ("rules/dopamine_stdp.py", r"linear = False", r"= True", "at the default baseline of 0 it is"),
    ("rules/node_perturbation.py", r"per_timestep = True", r"= False", "`run.py check` tells"),
    ("rules/hedonistic.py", r"release < ", r"release <= ", "no draw lies on it"),
    ("rules/eprop.py", r"1e-9, 1e9", r"", "durations lie between"),
    ("rules/eprop.py", r'"learning_signal": "decision"', r'"(keep|episode)"', _WRITTEN),
    ("rules/hedonistic.py", r"linear = False", r"linear = True", _SMALL),
]
# fmt: on
