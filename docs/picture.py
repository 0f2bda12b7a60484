"""Renders a Markdown page as GitHub shows it, to a picture 860 pixels wide.

    python -m docs.picture PAGE.md PICTURE.png [--open]

It uses GitHub's own Markdown parser, sanitises the result, and draws it in a browser with GitHub's style sheet.
`make picture` runs the demo and draws its comments for the README and docs/comment.md. It needs Chromium, and npm for
the style sheet.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cmarkgfm
import nh3
from cmarkgfm.cmark import Options

ROOT = Path(__file__).parents[1]
STYLE = ROOT / ".picture" / "node_modules" / "github-markdown-css" / "github-markdown-light.css"
WIDTH = 860
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ALERT = re.compile(r"<blockquote>\s*<p>\[!(NOTE|WARNING|CAUTION)\]\s*(?:<br ?/?>)?\s*(.*?)</blockquote>", re.S)
SIGNS = {
    "NOTE": "M0 8a8 8 0 1 1 16 0A8 8 0 0 1 0 8Zm8-6.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM6.5 7.75A.75.75 0 0 "
    "1 7.25 7h1a.75.75 0 0 1 .75.75v2.75h.25a.75.75 0 0 1 0 1.5h-2a.75.75 0 0 1 0-1.5h.25v-2h-.25a.75.75 "
    "0 0 1-.75-.75ZM8 6a1 1 0 1 1 0-2 1 1 0 0 1 0 2Z",
    "WARNING": "M6.457 1.047c.659-1.234 2.427-1.234 3.086 0l6.082 11.378A1.75 1.75 0 0 1 14.082 15H1.918a1.75 1.75 0"
    " 0 1-1.543-2.575Zm1.763.707a.25.25 0 0 0-.44 0L1.698 13.132a.25.25 0 0 0 .22.368h12.164a.25.25 0 0 0"
    " .22-.368Zm.53 3.996v2.5a.75.75 0 0 1-1.5 0v-2.5a.75.75 0 0 1 1.5 0ZM9 11a1 1 0 1 1-2 0 1 1 0 0 1 2 "
    "0Z",
    "CAUTION": "M4.47.22A.749.749 0 0 1 5 0h6c.199 0 .389.079.53.22l4.25 4.25c.141.14.22.331.22.53v6a.749.749 0 0 1-"
    ".22.53l-4.25 4.25A.749.749 0 0 1 11 16H5a.749.749 0 0 1-.53-.22L.22 11.53A.749.749 0 0 1 0 11V5c0-.1"
    "99.079-.389.22-.53Zm.84 1.28L1.5 5.31v5.38l3.81 3.81h5.38l3.81-3.81V5.31L10.69 1.5ZM8 4a.75.75 0 0 1"
    " .75.75v3.5a.75.75 0 0 1-1.5 0v-3.5A.75.75 0 0 1 8 4Zm0 8a1 1 0 1 1 0-2 1 1 0 0 1 0 2Z",
}
"""GitHub's icons for the alerts that the comment uses."""
PAGE = """<!doctype html><meta charset=utf-8><style>{style}
body {{ margin: 0; padding: 24px; width: {inner}px; background: white }}
.sign {{ margin-right: 8px; fill: currentColor }}</style>
<body class="markdown-body">{body}
<script>document.title = document.documentElement.scrollHeight</script>"""


class PictureError(Exception):
    """A required program or file is missing."""


def html_of(markdown: str, *, unfolded: bool = False) -> str:
    """The HTML that GitHub shows for a comment: sanitised, with alerts as boxes."""
    made = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    tags = nh3.ALLOWED_TAGS | {"details", "summary", "input", "del"}
    attributes = {**nh3.ALLOWED_ATTRIBUTES, "*": {"align"}, "pre": {"lang"}, "details": {"open"}}
    clean = nh3.clean(made, tags=tags, attributes=attributes, url_schemes={"http", "https", "mailto"})
    clean = ALERT.sub(_alert, clean)
    return clean.replace("<details>", "<details open>") if unfolded else clean


def _alert(match: re.Match[str]) -> str:
    kind = match[1]
    sign = f'<svg class="sign" viewBox="0 0 16 16" width="16" height="16"><path d="{SIGNS[kind]}"></path></svg>'
    title = f'<p class="markdown-alert-title">{sign}{kind.capitalize()}</p>'
    return f'<div class="markdown-alert markdown-alert-{kind.lower()}">{title}<p>{match[2]}</div>'


def draw(markdown: str, picture: Path, *, unfolded: bool = False) -> None:
    """Writes a picture of the whole page. Raises PictureError."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise PictureError("Chromium is not installed; Debian's package is `chromium`")
    if not STYLE.is_file():
        raise PictureError(f"{STYLE.relative_to(ROOT)} is missing; `make picture` installs it")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        body = html_of(markdown, unfolded=unfolded)
        page.write_text(PAGE.format(style=STYLE.read_text("utf-8"), inner=WIDTH - 48, body=body), "utf-8")
        seen = _browse(browser, folder, "--dump-dom", page.as_uri())
        height = int((re.search(r"<title>(\d+)</title>", seen) or ["", "0"])[1]) or 2000
        _browse(browser, folder, f"--screenshot={picture.resolve()}", f"--window-size={WIDTH},{height}", page.as_uri())


def _browse(browser: str, folder: str, *arguments: str) -> str:
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-extensions"]
    command += [f"--user-data-dir={folder}/profile", "--window-size=860,600", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise PictureError(f"{browser} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Draws one page. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.picture", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--open", dest="unfolded", action="store_true", help="expand all collapsed sections")
    asked = parser.parse_args(arguments)
    try:
        draw(asked.page.read_text("utf-8"), asked.picture, unfolded=asked.unfolded)
    except (OSError, PictureError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"wrote {asked.picture}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
