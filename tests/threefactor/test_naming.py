"""One line for every unknown name."""

import pytest

from threefactor.naming import check_choice, suggest, unknown

KNOWN = {"rstdp": 1, "rstdp-et": 2, "eprop": 3}


@pytest.mark.parametrize(
    ("name", "at_most", "expected"),
    [
        ("rsdtp", 1, " Did you mean 'rstdp'?"),
        ("rstdp-te", 2, " Did you mean 'rstdp-et' or 'rstdp'?"),
        ("lif", 1, ""),
    ],
)
def test_the_closest_names_are_suggested(name, at_most, expected):
    assert suggest(name, KNOWN, at_most) == expected


def test_an_unknown_name_is_answered_with_all_that_are_known():
    line = "Unknown rule 'epropp'. Did you mean 'eprop'? Known: rstdp, rstdp-et, eprop."
    assert unknown("rule", "epropp", KNOWN) == line
    assert unknown("field", "x", []) == "Unknown field 'x'. Known: none."


def test_a_choice_is_checked_against_any_iterable():
    check_choice("rule", "eprop", iter(KNOWN))
    with pytest.raises(ValueError, match=r"^Unknown rule 'lif'. Known: rstdp, rstdp-et, eprop\.$"):
        check_choice("rule", "lif", iter(KNOWN))
