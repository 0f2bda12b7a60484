"""Creates the initial data directories for the image's throw-away servers: `python keep_data.py FOLDER`, as root.

There is one per major version and superuser; without them, the first server of a container runs initdb. The three
databases in a directory have identical files, so a dictionary larger than one database compresses 29 MB to about 1 MB.
"""

from __future__ import annotations

import lzma
import os
import shutil
import sys
from pathlib import Path

from ctgitops.postgres.server.data_directory import CACHE_VARIABLE, PACKED
from ctgitops.postgres.server.local_server import LocalServer
from ctgitops.postgres.server.programs import find_programs
from ctgitops.postgres.shadow.sandbox_server import SandboxServer

FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 24}]


def main(folder: Path) -> None:
    """Starts each server once to cache its data directory; compresses the caches, readable by all users."""
    os.environ[CACHE_VARIABLE] = str(folder)
    for programs in find_programs():
        for kind in (LocalServer, SandboxServer) if programs.has_server else ():
            with kind(programs):
                pass
    folder.chmod(0o755)
    for archive in sorted(folder.glob("data-*.tar")):
        packed = archive.with_name(archive.name + PACKED)
        with archive.open("rb") as whole, lzma.open(packed, "wb", filters=FILTERS) as small:
            shutil.copyfileobj(whole, small)
        archive.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
