"""An edited template cannot make a page unsafe by accident."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import pytest
from jinja2 import Environment, UndefinedError, nodes
from markupsafe import Markup

from ctgitops.report import page
from ctgitops.report.escape import plain
from tests.report.test_hostile import EVIL, harmless

FOLDER = resources.files("ctgitops.report") / "templates"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.name.endswith(".j2"))


def drawn(text: str, value: object) -> str:
    """A template that prints a value in every way."""
    return page._templates().from_string(text).render(value=value)


@pytest.mark.parametrize("trick", EVIL)
@pytest.mark.parametrize(
    "template",
    [
        "{{ value }}",
        "- {{ value }}",
        "| a |\n|:--|\n| {{ value }} |",
        "{{ [value, value]|join(', ') }}",
        "{{ value ~ '' }}",
        "{{ value|upper }}",
        "{{ value|code }} {{ value|prose }}",
        "{% for each in [value] %}{{ each }}{% endfor %}",
        "{{ {'a': value} }}",
    ],
)
def test_whatever_a_template_prints_is_text(template: str, trick: str) -> None:
    harmless(drawn(template, f"x{trick}"))


def test_only_what_the_code_marked_as_safe_stays_as_it_is() -> None:
    assert drawn("{{ value }}", Markup("<b>a</b>")) == "<b>a</b>"
    assert drawn("{{ value }}", "<b>a</b>") == str(plain("<b>a</b>"))


def test_a_name_that_nobody_gave_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(UndefinedError):
        drawn("{{ valeu }}", "x")


@pytest.mark.parametrize("name", NAMES)
def test_no_template_marks_data_as_safe(name: str) -> None:
    tree = Environment(autoescape=True).parse(_text(name))
    assert [node for node in _filters(tree, "safe") if not isinstance(node.node, nodes.Const)] == []
    assert list(tree.find_all((nodes.ScopedEvalContextModifier, nodes.CallBlock))) == []


def _text(name: str) -> str:
    text = (FOLDER / name).read_text("utf-8")
    for ours in ("code", "prose", "fence"):
        text = text.replace(f"|{ours}", "|string")
    return text


def _filters(tree: nodes.Template, name: str) -> Iterator[nodes.Filter]:
    return (node for node in tree.find_all(nodes.Filter) if node.name == name)
