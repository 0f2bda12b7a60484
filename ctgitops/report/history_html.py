"""Renders the history of environments as one HTML page that needs no server and no network.

The page contains the JSON document of `history_json.py`, a style sheet and scripts. Its Content-Security-Policy lists
the hashes of this style sheet and of these scripts. No other script or style can run, and the page can load nothing.
The scripts only write text nodes, never markup, so a name from a database is always text.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib import resources

from .escape import shown
from .json import VERSION, Object

FOLDER = "history_page"
LIBRARIES = ("vendor/d3.min.js", "vendor/dagre.min.js")
"""Unchanged files of other projects. `vendor/README.md` lists their versions, hashes and licences."""
LICENCES = ("vendor/d3.LICENSE.txt", "vendor/dagre.LICENSE.txt")
"""The licences of these files, which must accompany every copy."""
SCRIPTS = tuple(
    f"{name}.js"
    for name in ("dom", "model", "lanes", "runs", "objects", "layout", "diagram", "schema", "compare", "main")
)
"""The scripts of ctgitops, in the order in which they run."""

_IN_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_MAP_COMMENT = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


def history_html(data: Object) -> str:
    """The page with the data of `history_data`."""
    style = _file("style.css")
    scripts = [*(_MAP_COMMENT.sub("", _file(name)) for name in LIBRARIES), *map(_file, SCRIPTS)]
    page = _file("page.html")
    parts = {
        "POLICY": _policy(style, scripts),
        "STYLE": style,
        "LICENCES": html.escape("\n".join(map(_file, LICENCES))),
        "DATA": _embedded({"version": VERSION, **data}),
        "SCRIPTS": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], page)


def _policy(style: str, scripts: list[str]) -> str:
    allowed = " ".join(map(_source, scripts))
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_source(style)}; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _source(text: str) -> str:
    """The hash of an inline script or style, as a source in the Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(data: Object) -> str:
    """JSON that cannot end the script element that contains it. Replaces invisible characters."""
    text = json.dumps(_visible(data), ensure_ascii=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda match: _IN_SCRIPT[match[0]], text)


def _visible(data: object) -> object:
    match data:
        case str():
            return shown(data)
        case list():
            return [_visible(each) for each in data]
        case dict():
            return {shown(str(key)): _visible(each) for key, each in data.items()}
        case _:
            return data


def _file(name: str) -> str:
    return (resources.files("ctgitops.report") / FOLDER / name).read_text("utf-8")
