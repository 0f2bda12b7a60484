"""Updates the JavaScript libraries of the history page: python -m docs.vendor. Needs npm.

It downloads the versions in `LIBRARIES`, and copies the published files with their licences, unchanged. It also writes
`vendor/README.md` with their hashes, which a test compares with the files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "ctgitops" / "report" / "history_page" / "vendor"
LIBRARIES = {"d3": ("d3", "7.9.2"), "dagre": ("@dagrejs/dagre", "3.1.3")}
"""Maps the name of each library to its npm package and version."""
PAGE = """# JavaScript libraries

The page of `ctgitops history --html` contains these files. They are the published files, unchanged. `make vendor`
downloads the versions that [docs/vendor.py](../../../../docs/vendor.py) names.

| file | package | licence | SHA-256 |
|:--|:--|:--|:--|
{rows}

The licences are in `d3.LICENSE.txt` and `dagre.LICENSE.txt`. Both permit the use in an Apache-2.0 project if their text
stays with the files.
"""


def update(folder: Path) -> str:
    """Copies the files from `folder/node_modules` into VENDOR. Returns the page that lists them."""
    rows = []
    for name, (package, version) in LIBRARIES.items():
        source = folder / "node_modules" / package
        licence = json.loads((source / "package.json").read_text("utf-8"))["license"]
        file = f"{name}.min.js"
        shutil.copyfile(source / "dist" / file, VENDOR / file)
        shutil.copyfile(source / "LICENSE", VENDOR / f"{name}.LICENSE.txt")
        digest = hashlib.sha256((VENDOR / file).read_bytes()).hexdigest()
        rows.append(f"| `{file}` | {package} {version} | {licence} | `{digest}` |")
    return PAGE.format(rows="\n".join(rows))


def main() -> int:
    """Downloads and copies all libraries. Returns the exit status."""
    npm = shutil.which("npm")
    if npm is None:
        sys.stderr.write("error: npm is not installed\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        wanted = [f"{package}@{version}" for package, version in LIBRARIES.values()]
        subprocess.run([npm, "install", "--silent", "--no-save", "--prefix", folder, *wanted], check=True)
        (VENDOR / "README.md").write_text(update(Path(folder)), "utf-8")
    sys.stdout.write(f"wrote {VENDOR.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
