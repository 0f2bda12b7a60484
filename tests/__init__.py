"""Tests, as a package, so that test files in different folders can have the same name."""

import os
import sys
from pathlib import Path

if sys.dont_write_bytecode:
    # Without stored bytecode, each worker and each command that a test starts compiles everything again, which is a
    # quarter of the CPU time of all tests. It is stored here, so that PYTHONDONTWRITEBYTECODE keeps the folders clean
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
