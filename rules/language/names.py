"""Names that have a meaning already, so that no variable or parameter can have them."""

import builtins
import keyword

from threefactor.rules.language.expressions import FUNCTIONS
from threefactor.rules.language.units import find_unit

#: What the network itself keeps at a synapse.
_NETWORK = frozenset(
    {"w", "w_min", "w_max", "third_factor", "w_before", "change", "spike_count", "first_spike",
     "delay", "uniform", "gaussian"}
)  # fmt: skip
_BRIAN2 = frozenset(
    {"t", "dt", "t_in_timesteps", "xi", "i", "j", "N", "N_pre", "N_post", "N_incoming",
     "N_outgoing", "lastspike", "lastupdate", "not_refractory", "refractory", "rand", "randn",
     "poisson", "timestep", "expm1", "exprel", "log10", "log1p", "sin", "cos", "tan", "sinh",
     "cosh", "arcsin", "arccos", "arctan", "ceil", "floor", "e", "pi", "inf", "self", "source",
     "variables"}
)  # fmt: skip
_SYMPY = frozenset({"C", "E", "I", "O", "Q", "S"})
_CPP = frozenset(
    """alignas alignof and_eq asm auto bitand bitor bool case catch char char8_t char16_t char32_t
    compl concept const consteval constexpr constinit const_cast co_await co_return co_yield
    decltype default delete do double dynamic_cast enum explicit export extern false float friend
    goto inline int long mutable namespace new noexcept not_eq nullptr operator or_eq private
    protected public register reinterpret_cast requires short signed sizeof static static_assert
    static_cast struct switch template this thread_local throw true try typedef typeid typename
    union unsigned using virtual void volatile wchar_t xor xor_eq""".split()
)
#: Macros of the headers of generated sources, those that somebody might choose.
_MACROS = frozenset(
    """NAN INFINITY HUGE_VAL NULL EOF BUFSIZ RAND_MAX EDOM ERANGE EIO errno math_errhandling linux
    unix stdin stdout stderr sa_handler sa_sigaction assert idx vectorisation_idx M_E M_PI M_PI_2
    M_PI_4 M_LN2 M_LN10 M_LOG2E M_LOG10E M_SQRT2 INT_MAX INT_MIN UINT_MAX LONG_MAX LONG_MIN SIZE_MAX
    CHAR_BIT PATH_MAX SEEK_SET SEEK_CUR SEEK_END SIGINT SIGTERM FP_NAN FP_ZERO""".split()
)
_STEMS = ("gram", "gramme", "molar", "liter", "litre")
_PREFIXES = ("", "da", *"munpfazycdhkMGTPEZY")


def why_reserved(name: str) -> str:
    """Return why a variable or parameter cannot be called `name`, or "" if it can."""
    if keyword.iskeyword(name):
        return "it is a word of Python"
    if name in _CPP:
        return "it is a word of C++"
    if name in _MACROS:
        return "generated C++ has it"
    if name in FUNCTIONS:
        return "it is a function"
    if name in _NETWORK:
        return "the network itself has it"
    if name in _BRIAN2 or name.startswith("xi_"):
        return "it is a name that Brian2 keeps for itself"
    if name in _SYMPY:
        return "it is a name that SymPy keeps for itself"
    if hasattr(builtins, name):
        return "it is a name of Python's own"
    if _is_unit(name):
        return "it is a unit"
    if name.startswith("_"):
        return "names that begin with _ are Brian2's"
    if name.endswith(("_pre", "_post")):
        return "by an ending in _pre or _post a synapse reads its neurons"
    return ""


def _is_unit(name: str) -> bool:
    stem = name.removesuffix("2").removesuffix("3")
    is_mass_or_volume = stem.endswith(_STEMS) and any(
        stem == prefix + end for prefix in _PREFIXES for end in _STEMS
    )
    return is_mass_or_volume or find_unit(stem) is not None


def check_name(name: str, what: str) -> None:
    """Raise ValueError if a name has a meaning already; `what` it would name begins the message."""
    if reason := why_reserved(name):
        raise ValueError(f"{what} {name!r} cannot have this name: {reason}. Choose another name.")
