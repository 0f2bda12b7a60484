from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.problem import Problem
from ctgitops.errors import Place
from ctgitops.files.strict_yaml import Document, read_yaml, shown_value

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [1,\n", "a.yaml:3:1: not YAML: expected the node content, but found '<stream end>'"),
        ("\ta: 1", "a.yaml:1:1: not YAML: found character '\\t' that cannot start any token"),
        ("a: b: c", "a.yaml:1:5: not YAML: mapping values are not allowed here"),
        ("x: {url: {${Z}}}", "a.yaml:1:12: not YAML: expected ',' or '}', but got '{'"),
        (BOMB, "a.yaml:1:4: anchors (`&`) are not allowed"),
        ("a: *b", "a.yaml:1:4: aliases (`*`) are not allowed"),
        ("a: !!python/object/apply:os.system [id]", "a.yaml:1:4: tags (`!`) are not allowed"),
        ("&a b: 1", "a.yaml:1:1: anchors (`&`) are not allowed"),
        ("a: 1\nb: 2\na: 3", "a.yaml:3:1: duplicate key `a`"),
        ("a:\n  b: 1\n  b: 2", "a.yaml:3:3: duplicate key `b`"),
        ("a: 1\n---\nb: 2", "a.yaml:2:1: a second document"),
        ("[" * 30, "a.yaml:1:22: nesting deeper than 20"),
        ("? [a]\n: 1", "a.yaml:1:3: a key that is not a word"),
        ("a: \x07", "a.yaml:1:4: a character that is not allowed in YAML"),
        ('"\\UFFFFFFFF"', "a.yaml:1: an escape or directive that is not allowed in YAML"),
        ('a: "\\ud800"', "a.yaml:1:4: a lone surrogate (half of a character)"),
        (
            "postgres://u:hunter2@h: 1\npostgres://u:hunter2@h: 1",
            "a.yaml:2:1: duplicate key `(not shown: it may contain a ",
        ),
    ],
)
def test_what_is_not_allowed_is_named_with_its_place(text: str, said: str) -> None:
    problem = read_yaml(text, "a.yaml")
    assert isinstance(problem, Problem)
    assert f"{problem.place}: {problem.what}".startswith(said)
    assert problem.hint
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("008", "008"),
        ("1.10", "1.10"),
        ("02:00", "02:00"),
        ("1e3", "1e3"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("~", "~"),
        ("2026-01-12", "2026-01-12"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("9" * 5000, "9" * 5000),
        (".nan", ".nan"),
    ],
)
def test_only_plain_words_and_whole_numbers_have_a_type(written: str, value: object) -> None:
    document = read_yaml(f"key: {written}\n", "a.yaml")
    assert isinstance(document, Document)
    assert document.value == {"key": value}
    assert type(document.value["key"]) is type(value)


def test_keys_are_always_text() -> None:
    document = read_yaml("on: 1\n1: 2\nnull: 3\n<<: 4\n", "a.yaml")
    assert isinstance(document, Document)
    assert document.value == {"on": 1, "1": 2, "null": 3, "<<": 4}


def test_every_key_and_value_knows_its_place() -> None:
    document = read_yaml("# é\na:\n  - b: 1\n    c: [x, y]\n", "a.yaml")
    assert isinstance(document, Document)
    assert document.values["a", 0, "c", 1] == Place("a.yaml", 4, 12)
    assert document.keys["a", 0, "c"] == Place("a.yaml", 4, 5)
    assert document.place(("a", 0, "nothing", "there")) == Place("a.yaml", 3, 5)


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n"])
def test_nothing_is_nothing(text: str) -> None:
    document = read_yaml(text, "a.yaml")
    assert isinstance(document, Document)
    assert document.value is None


@given(st.text(alphabet=st.one_of(st.sampled_from("abc:- \n\t[]{},&*!|>'\"%@`#?~01\\Uux"), st.characters())))
def test_no_text_whatsoever_makes_it_fail(text: str) -> None:
    assert isinstance(read_yaml(text, "a.yaml"), Document | Problem)


def test_a_value_that_may_hold_a_password_is_not_repeated() -> None:
    for secret in ("postgres://u:hunter2@h/d", "host=h PASSWORD=hunter2"):
        assert "hunter2" not in shown_value(secret)


def test_a_long_or_odd_value_is_shown_short_and_printable() -> None:
    assert shown_value("x" * 100) == "x" * 57 + "…"
    assert shown_value("a\x1b[31m\n") == "a\\x1b[31m\\n"


@pytest.mark.parametrize(
    "text", ["x: {url: ${Z}}", "x: {url: ${Z} }", "x: {a: 1, url: ${Z}, b: 2}", "x: [${Z}]\ny: ${Z}"]
)
def test_the_name_of_a_secret_needs_no_quotes_inside_braces(text: str) -> None:
    found = read_yaml(text, "a.yaml")
    assert isinstance(found, Document), found
    assert "${Z}" in str(found.value)


def test_what_is_wrong_elsewhere_is_told_as_it_was_written() -> None:
    found = read_yaml("x: {url: ${Z}}\ny: [1", "a.yaml")
    assert isinstance(found, Problem)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb:\u00a02\n", "2:3: U+00A0 NO-BREAK SPACE"),
        ("a:\n\u00a0 b: 2\n", "2:1: U+00A0 NO-BREAK SPACE"),
        ("a: 1\n\u200bb: 2\n", "2:1: U+200B ZERO WIDTH SPACE"),
        ("a: 1\nb\ufeff: 2\n", "2:2: U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("a: 1\nb: \u200b2\n", "2:4: U+200B ZERO WIDTH SPACE"),
    ],
)
def test_an_invisible_character_in_indentation_or_a_key_is_named(text: str, said: str) -> None:
    problem = read_yaml(text, "x.yaml")
    assert isinstance(problem, Problem)
    assert f"{problem.place}: {problem.what}".startswith(f"x.yaml:{said}")


def test_in_comments_and_quotes_it_is_legal() -> None:
    document = read_yaml("a: 1 # \u00a0\n# \u200b\nb: '\u00a0'\nc: words\u00a0more\n", "x.yaml")
    assert not isinstance(document, Problem)
