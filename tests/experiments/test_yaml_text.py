"""YAML 1.2: numbers are what they look like, nothing is set twice, nothing is without end."""

import pytest
import yaml

from threefactor.experiments.yaml_text import dump_yaml, load_yaml

SCALARS = {
    "1:30": "1:30", "010": 10, "0o10": 8, "0x1F": 31, "0b11": "0b11", "1_000": "1_000", "+12": 12,
    "yes": "yes", "No": "No", "on": "on", "OFF": "OFF", "y": "y", "true": True, "FALSE": False,
    "tRuE": "tRuE", "1e-3": 1e-3, "1e3": 1000.0, ".5": 0.5, "12.": 12.0, "-.inf": float("-inf"),
    "~": None, "Null": None, "": None, "2001-01-01": "2001-01-01", "'12'": "12", "=": "=",
    "1.5e": "1.5e", "-": [None],
}  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_scalars_of_the_core_schema(text):
    value = load_yaml(text if text == "-" else f"a: {text}")
    value = value if text == "-" else value["a"]
    assert (type(value), value) == (type(SCALARS[text]), SCALARS[text])


@pytest.mark.parametrize("reader", [load_yaml, yaml.safe_load])
def test_what_is_written_is_read_as_the_same(reader):
    texts = [str(text).strip("'") for text in SCALARS]
    data = {"a": [*texts, 1e-300, 1e16, 10**30, True, None, "é", "<<"], "yes": {"no": 1}}
    assert reader(dump_yaml(data)) == data
    assert list(load_yaml(dump_yaml({"b": 1, "a": 2}))) == ["b", "a"]


LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(9 * [f'*{chr(97 + n)}'])}]\n" for n in range(12)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed: 1\nrule: x\nseed: 2", "'seed' is set twice, in line 1 and in line 3"),
        ("rule:\n  a: 1\n  b: 2\n  a: 3", "'a' is set twice, in line 2 and in line 4"),
        ("a: " + "[" * 10_000, "line 1: more than 50 levels"),
        ("".join(f"{' ' * n}a:\n" for n in range(200)), "line 50: more than 50 levels"),
        (LAUGHS, "values, with what is repeated"),
        ("a: &a [*a]", "line 1: a value that contains itself"),
        ("a: " + "9" * 5000, "line 1: expected an integer, got 5000 letters"),
        ("a: !!int x", "expected an integer"),
        ("a: !!float x", "expected a number, got 'x'"),
        ("a: !!bool x", "expected true or false, got 'x'"),
        ("a: !!timestamp x", "could not determine a constructor"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: 1\n---\nb: 2", "line 2: but found another document"),
        ("? [a]\n: 1", "line 1: found unhashable key"),
        ("a: [1", "line 1: expected ',' or ']'"),
        ("\0", "special characters are not allowed"),
        ("a: " + "x" * 5_000_000, "letters, expected at most"),
    ],
)
def test_what_is_no_settings_is_refused_in_one_line(text, told):
    with pytest.raises(ValueError, match="^") as raised:
        load_yaml(text)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


def test_merged_keys_give_way():
    assert load_yaml("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  a: 3")["y"] == {"a": 3, "b": 2}
