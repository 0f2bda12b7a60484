"""tern: `001_add_photos.sql` with the line `---- create above / drop below ----`.

Source: `migrate/migrate.go`, version 2. The values of `{{.name}}` come from
the policy. Other Go templates are refused.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ..core.problem import Problem
from ..errors import Place
from .records import by_number
from .sections import Directives
from .tool import Divided, Tool

_DIRECTIVES = Directives(
    title="tern",
    down=r"----[ \t]*create above / drop below[ \t]*----",
    outside=r"----[ \t]*tern:[ \t]*disable-tx[ \t]*----",
)
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_PLACEHOLDER = re.compile(r"\{\{-?[ \t]*\.([A-Za-z_]\w*)[ \t]*-?\}\}")


def _divide(text: str, path: str) -> Divided:
    divided = _DIRECTIVES.divide(text, path)
    template = _TEMPLATE.search(text)
    if template is None:
        return divided
    place = Place(path, text.count("\n", 0, template.start()) + 1)
    if named := _PLACEHOLDER.fullmatch(template[0]):
        what = f"the placeholder `{template[0][:60]}` of tern has no value"
        hint = f"add `placeholders: {{{named[1]}: VALUE}}` to migrations/policy.yaml"
    else:
        what = f"`{template[0][:60]}` is a template of tern, which ctgitops does not evaluate"
        hint = "write the resulting SQL into the file instead"
    problem = Problem("other-tool", what, place, hint)
    return replace(divided, problems=(*divided.problems, problem))


TOOL = Tool(
    name="tern",
    title="tern",
    tried="read",
    files=(re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]+)\.sql"),),
    divide=_divide,
    placeholder=_PLACEHOLDER,
    new="{number:03}_{words}.sql",
    template="\n---- create above / drop below ----\n\n",
    creates="tern new",
    record=by_number,
)
