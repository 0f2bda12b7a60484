"""Imports everything that the command uses, including late imports; `forked` starts from it."""

from __future__ import annotations

import gc
import importlib
import pkgutil

import ctgitops
from ctgitops import lazy

LATE = ("jsonschema_rs", "psycopg.types.json", "importlib.metadata", "asyncio", "http.client", "yaml")

for name in (*LATE, *(module.name for module in pkgutil.walk_packages(ctgitops.__path__, "ctgitops."))):
    if not name.endswith("__main__"):
        importlib.import_module(name)
# Each fork would generate the methods of these classes again
for pending in list(vars(lazy)["_pending"]):
    vars(lazy)["_complete"](pending)
gc.freeze()
