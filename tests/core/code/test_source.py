"""The text of a file without comments, and where its strings, brackets and lines are."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctgitops.core.code.source import Brackets, Source, SourceKind, is_code, source_of, without

PATHS = st.sampled_from(["a.py", "a.ts", "a.sql", "a.html", "a.yml", "a.json", "a.css", "a.php", "a", "Gemfile"])


@given(PATHS, st.text("ab\"'`\\\n#/*-<!>(){}[] $", max_size=60))
def test_offsets_are_those_of_the_file_and_lines_stay(path: str, text: str) -> None:
    source = source_of(path, text)
    assert len(source.text) == len(source.bare) == len(text)
    for kept in (source.text, source.bare):
        assert [at for at, c in enumerate(kept) if c == "\n"] == [at for at, c in enumerate(text) if c == "\n"]
        assert all(one in {other, " "} for one, other in zip(kept, text, strict=True))
    for position in range(len(text)):
        within = [(start, end) for start, end in source.strings if start <= position < end]
        assert source.string_at(position) == (within[-1] if within else None)
        assert source.line(position) == text[:position].count("\n") + 1
        assert source.line_start(position) == len(text[:position].rpartition("\n")[0]) + ("\n" in text[:position])


@pytest.mark.parametrize(
    ("path", "text", "kept"),
    [
        ("a.py", "x = 1 # y\nz", "x = 1    \nz"),
        ("a.py", "x = '# y' # z", "x = '# y'    "),
        ("a.py", '"""doc"""\nx = """text"""', '         \nx = """text"""'),
        ("a.py", 'def f():\n    """doc"""', "def f():\n             "),
        ("a.ts", "a // b\n/* c\nd */ e", "a     \n    \n     e"),
        ("a.ts", "a = 'http://b'", "a = 'http://b'"),
        ("a.ts", "x = `a // b`", "x = `a // b`"),
        ("a.sql", "a -- b\n/* c */ d", "a     \n        d"),
        ("a.html", "<!-- a --><b>{# c #}", "          <b>       "),
        ("a.blade.php", "{{-- a --}} b", "            b"),
        ("a.yml", "a: b # c", "a: b    "),
        ("a.json", '{"a": "# b"}', '{"a": "# b"}'),
        ("Rakefile", "a # b", "a    "),
        ("unknown", "a # b // c", "a # b // c"),
    ],
)
def test_comments_are_left_out_and_nothing_else(path: str, text: str, kept: str) -> None:
    assert source_of(path, text).text == kept


@pytest.mark.parametrize(
    ("path", "kind", "suffix", "code"),
    [
        ("src/a.py", SourceKind.CODE, "py", True),
        ("a.test.TS", SourceKind.CODE, "ts", True),
        ("a.sql.erb", SourceKind.SQL, "sql", True),
        ("a.blade.php", SourceKind.MARKUP, "html", True),
        ("db.sql/a.rb", SourceKind.CODE, "rb", True),
        ("Gemfile", SourceKind.CODE, "rb", True),
        ("a.html", SourceKind.MARKUP, "html", True),
        ("a.json", SourceKind.DATA, "json", False),
        ("a.scss", SourceKind.STYLE, "scss", False),
        ("a.png", SourceKind.CODE, "png", False),
        ("README", SourceKind.CODE, "", False),
    ],
)
def test_the_name_decides_how_a_file_is_read(path: str, kind: SourceKind, suffix: str, *, code: bool) -> None:
    source = source_of(path, "")
    assert (source.kind, source.suffix, is_code(path)) == (kind, suffix, code)


@pytest.mark.parametrize(
    ("path", "text", "strings"),
    [
        ("a.py", "f('a', \"b\\\"c\", '')", ["a", 'b\\"c', ""]),
        ("a.py", 'x = """a\nb"""', ["a\nb"]),
        ("a.py", "x = '''a'''", ["a"]),
        ("a.ts", "`a\n${b}`", ["a\n${b}"]),
        ("a.rb", "x = <<~SQL\n  select 1\n  SQL\n", ["  select 1"]),
        ("a.php", "x = <<<'SQL'\nselect 1\nSQL;", ["select 1"]),
        ("a.sql", "select 'a'", []),
    ],
)
def test_the_contents_of_strings(path: str, text: str, strings: list[str]) -> None:
    source = source_of(path, text)
    assert [source.text[start:end] for start, end in source.strings] == strings


def brackets_slowly(text: str) -> dict[int, int]:
    """By offset, the other bracket of each pair: a bracket that closes none is passed over."""
    stack, pairs = list[int](), dict[int, int]()
    for at, each in enumerate(text):
        if each in "([{":
            stack.append(at)
        elif each in ")]}" and stack and text[stack[-1]] + each in {"()", "[]", "{}"}:
            pairs[stack[-1]] = at
            stack.pop()
    return pairs


@given(st.text("()[]{}a", max_size=20))
def test_brackets_are_found_in_pairs_with_what_is_around_them(text: str) -> None:
    found, pairs = Brackets.of(text), brackets_slowly(text)
    assert found.closes == pairs
    assert found.openings == {end: start for start, end in pairs.items()}
    assert found.opens == [at for at, each in enumerate(text) if each in "([{"]
    for at in range(len(text)):
        around = [start for start in found.opens if start < at <= pairs.get(start, at)]
        assert found.around(at) == (around[-1] if around else -1)
    for opened in found.opens:
        assert found.parents[opened] == found.around(opened)


@given(st.lists(st.sampled_from(["", "a", "b", "word", "a word b word"]), max_size=8), st.integers(0, 2))
def test_lines_with_a_word_are_given_once_with_the_lines_around(lines: list[str], more: int) -> None:
    text = "\n".join(lines)
    found = list(Source(SourceKind.CODE, text, ()).lines_with(re.compile("word"), more))
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))
    read = "".join(text[start:end] for start, end in found)
    assert read.count("word") == text.count("word")
    if not more:
        assert [text[start:end] for start, end in found] == [line for line in lines if "word" in line]


def test_of_a_long_line_only_what_is_near_the_word_is_read() -> None:
    ((start, end),) = Source(SourceKind.CODE, "x" * 3000 + "word" + "y" * 3000, ()).lines_with(re.compile("word"))
    assert (start, end) == (2000, 4004)


@given(st.text("ab\n", max_size=20), st.integers(0, 10), st.integers(0, 10))
def test_spans_become_spaces(text: str, start: int, length: int) -> None:
    end = min(start + length, len(text))
    start = min(start, end)
    assert without(text, [(start, end)]) == text[:start] + re.sub("[ab]", " ", text[start:end]) + text[end:]
