"""Loads libpg_query without postgast, whose import takes 70 ms for protobuf classes that JSON trees do not need."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from typing import Any


@cache
def library() -> Any:
    """The functions of the library, with the signatures that postgast declares."""
    package = find_spec("postgast")
    (folder,) = (package and package.submodule_search_locations) or [""]
    found = spec_from_file_location("ctgitops_libpg_query", f"{folder}/native.py")
    if found is None or found.loader is None:
        raise ImportError("postgast has no module `native`", name="postgast.native")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module.lib
