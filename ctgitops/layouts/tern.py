"""tern: `001_add_photos.sql` with the line `---- create above / drop below ----`.

Source: `migrate/migrate.go`, version 2. Go templates in a file are refused.
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


def _divide(text: str, path: str) -> Divided:
    divided = _DIRECTIVES.divide(text, path)
    template = _TEMPLATE.search(text)
    if template is None:
        return divided
    what = f"`{template[0][:60]}` is a template of tern, which ctgitops does not evaluate"
    place = Place(path, text.count("\n", 0, template.start()) + 1)
    problem = Problem("other-tool", what, place, "write the resulting SQL into the file instead")
    return replace(divided, problems=(*divided.problems, problem))


TOOL = Tool(
    name="tern",
    title="tern",
    tried="read",
    files=(re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]+)\.sql"),),
    divide=_divide,
    new="{number:03}_{words}.sql",
    template="\n---- create above / drop below ----\n\n",
    creates="tern new",
    record=by_number,
)
