"""Prints the size of an image and of its parts in MB, as a Markdown table: `python docker/contents.py IMAGE`."""

from __future__ import annotations

import subprocess
import sys

PARTS = {
    "ctgitops and its dependencies": "/opt/ctgitops",
    "Python 3.13": "/usr/lib/python3.13",
    "PostgreSQL 14": "/opt/postgresql/14",
    "PostgreSQL 15": "/opt/postgresql/15",
    "PostgreSQL 16": "/opt/postgresql/16",
    "PostgreSQL 17, PostGIS, pgvector": "/usr/lib/postgresql /usr/share/postgresql",
    "PostgreSQL 18": "/opt/postgresql/18",
    "data directories for throw-away servers": "/opt/postgresql/data",
    "projection data for PostGIS": "/usr/share/proj /usr/share/gdal",
    "libraries: ICU, GDAL, GEOS, SFCGAL, OpenSSL, …": "/usr/lib/*-linux-gnu",
    "Perl, a dependency of Debian's PostgreSQL": "/usr/share/perl /usr/share/perl5",
}


def main(image: str) -> None:
    """Prints the table."""
    rows = [(name, _megabytes(image, f"du -xsmc {paths} 2>/dev/null | tail -n 1")) for name, paths in PARTS.items()]
    whole = _megabytes(image, "du -xsm / --exclude=/proc --exclude=/sys 2>/dev/null")
    rows.append(("Debian, and the rest", whole - sum(size for _, size in rows)))
    sys.stdout.write(f"| part of {image} | MB |\n|:--|--:|\n")
    for name, size in (*rows, ("all", whole)):
        if size > 0:
            sys.stdout.write(f"| {name} | {size} |\n")


def _megabytes(image: str, command: str) -> int:
    run = ["docker", "run", "--rm", "--entrypoint", "/bin/sh", image, "-c", command]
    said = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
    return int(said[0]) if said else 0


if __name__ == "__main__":
    main(sys.argv[1])
