"""goose: `00001_add_photos.sql` with `-- +goose Up`, `-- +goose Down` and statement delimiters.

Source: `internal/sqlparser` and `internal/gooseutil`, version 3.
"""

from __future__ import annotations

import re

from .records import by_number
from .sections import Directives
from .tool import Tool

_MARK = r"--\s*\+goose\s+"
_DIRECTIVES = Directives(
    title="goose",
    up=rf"{_MARK}up",
    down=rf"{_MARK}down",
    up_required=True,
    outside=rf"{_MARK}no\s+transaction",
    ignored=rf"{_MARK}(?:statementbegin|statementend|envsub(?:st)?\s+off)",
    refused=rf"{_MARK}(?!up\b|down\b|no\s+transaction\b|statementbegin\b|statementend\b|envsub(?:st)?\s+off\b).*",
)

TOOL = Tool(
    name="goose",
    title="goose",
    tried="read",
    files=(re.compile(r"(?P<digits>[0-9]+)_(?P<words>[^/]*)\.sql"),),
    divide=_DIRECTIVES.divide,
    foreign=re.compile(r"[0-9]+_(?![^/]*_test\.go$)[^/]*\.go"),
    new="{number}_{words}.sql",
    template="-- +goose Up\n\n-- +goose Down\n",
    creates="goose create",
    record=by_number,
)
