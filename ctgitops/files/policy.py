"""Reads and validates `migrations/policy.yaml`, and the key `lint` of the policy and of manifests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.environment.given import EXPOSED, Platform, given_by
from ..core.environment.layout import Layout, LayoutName
from ..core.environment.policy import Band, HeaderRule, Numbering, Policy, UnrelatedCode
from ..core.environment.project_test import ProjectTest
from ..core.problem import Problem
from ..errors import Place
from .freezes import freeze_faults, freezes_of
from .json_schema import Fault, faults
from .receivers import receiver_faults, receivers_of
from .repository import Repository
from .strict_yaml import Document, read_yaml

if TYPE_CHECKING:
    from ..core.benchmark.benchmark import Benchmark

PATH = "migrations/policy.yaml"
LARGEST = 100_000
"""Maximum size of a manifest or policy in bytes. Reading and parsing such a file takes no noticeable time."""

_UNITS = {"kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def read_policy(repository: Repository) -> tuple[Policy, tuple[Problem, ...]]:
    """The policy, and its problems. Uses defaults for a missing file and for invalid keys."""
    other = PATH.replace(".yaml", ".yml")
    if (repository.root / other).exists():
        hint = f"rename the file to {PATH}"
        return Policy(), (Problem("file-name", "the file is ignored: the policy ends in `.yaml`", Place(other), hint),)
    if not (repository.root / PATH).is_symlink() and not (repository.root / PATH).exists():
        return Policy(), ()
    document = read_document(repository, PATH)
    if isinstance(document, Problem):
        return Policy(), (document,)
    if document.value is None:
        return Policy(), ()
    found = faults(document, "policy")
    usable = without_faults(document, found)
    found = (
        *found,
        *_upside_down(document, usable),
        *unknown_rules(document, usable),
        *freeze_faults(document, usable, repository),
        *receiver_faults(document, usable),
        *_benchmark_faults(document, usable, repository),
    )
    return _policy(without_faults(document, found), repository), tuple(fault.problem for fault in found)


def layout_of(root: Path) -> Layout:
    """The layout that the policy of a checkout names. If the policy is missing or invalid, the default layout."""
    try:
        status = (root / PATH).stat()
    except OSError:
        return Layout()
    return _layout_at(root.resolve(), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _layout_at(root: Path, _modified: int, _size: int) -> Layout:
    """The layout of a policy that exists. Many questions to git need it, and the file is read only once."""
    return read_policy(Repository(root))[0].layout


def read_document(repository: Repository, path: str) -> Document | Problem:
    """Reads a YAML file of the repository. Returns a Problem if the file cannot be read."""
    text = repository.text(path, LARGEST)
    return text if isinstance(text, Problem) else read_yaml(text, path)


def without_faults(document: Document, found: tuple[Fault, ...]) -> dict[str, Any]:
    """The top-level keys of a document that have no faults."""
    spoilt = {fault.keys[0] for fault in found if fault.keys}
    if not isinstance(document.value, dict):
        return {}
    return {key: value for key, value in document.value.items() if key not in spoilt}


def _ends(text: str) -> tuple[int, int]:
    first, last = text.split("-")
    return int(first), int(last)


def _upside_down(document: Document, usable: dict[str, Any]) -> Iterator[Fault]:
    for name, text in usable.get("bands", {}).items():
        first, last = _ends(text)
        if first > last:
            place = document.place(("bands", name))
            hint = f"write `{name}: {last}-{first}`"
            yield Fault(("bands",), Problem("value", f"band `{name}: {text}` ends before it begins", place, hint))


def _policy(usable: dict[str, Any], repository: Repository) -> Policy:
    layout = Layout(
        LayoutName(usable.get("layout", LayoutName.CTGITOPS)),
        str(usable.get("migrations", "migrations")).strip("/"),
        dict(usable.get("placeholders", {})),
        usable.get("version_parts", 1),
    )
    own = Policy()
    default = own if layout.is_own else replace(own, numbering=Numbering.INCREASING, header=HeaderRule.OPTIONAL)
    given = usable.get("given", {})
    platform = Platform(usable.get("platform", Platform.NONE))
    size = usable.get("max_file_size")
    return Policy(
        numbering=Numbering(usable.get("numbering", default.numbering)),
        header=HeaderRule(usable.get("header", default.header)),
        bands=tuple(Band(name, *_ends(text)) for name, text in usable.get("bands", {}).items()),
        lint=dict(usable.get("lint", {})),
        lint_after=usable.get("lint_after", default.lint_after),
        exposed_schemas=tuple(usable.get("exposed_schemas", EXPOSED[platform])),
        max_file_bytes=int(size[:-2]) * _UNITS[size[-2:]] if size else default.max_file_bytes,
        freezes=freezes_of(usable, repository),
        notify=receivers_of(usable),
        tests=tuple(map(_test, usable.get("tests", ()))),
        rows=dict(usable.get("rows", {})),
        benchmarks=_benchmarks(usable, repository),
        unrelated_code=tuple(UnrelatedCode(**each) for each in usable.get("unrelated_code", ())),
        layout=layout,
        given=given_by(platform, *(tuple(given.get(key, ())) for key in ("schemas", "roles", "extensions"))),
        removed=tuple(str(name).removesuffix(".sql") for name in usable.get("removed", ())),
    )


def _test(data: dict[str, Any]) -> ProjectTest:
    return ProjectTest.of_shell(data["name"], data["run"], tuple(data.get("keep_env", ())))


def _benchmark_faults(document: Document, usable: dict[str, Any], repository: Repository) -> Iterator[Fault]:
    if usable.get("benchmark"):
        from .benchmarks import benchmark_faults  # noqa: PLC0415 - few policies have benchmarks

        yield from benchmark_faults(document, usable, repository)


def _benchmarks(usable: dict[str, Any], repository: Repository) -> tuple[Benchmark, ...]:
    if not usable.get("benchmark"):
        return ()
    from .benchmarks import benchmarks_of  # noqa: PLC0415 - few policies have benchmarks

    return benchmarks_of(usable, repository)


def unknown_rules(document: Document, usable: dict[str, Any]) -> Iterator[Fault]:
    """Reports unknown rules under `lint`, each with the known rule that is most similar."""
    if not usable.get("lint"):
        return
    from ..lint.registry import nearest, rule_named  # noqa: PLC0415 - 20 ms, which a run without `lint:` need not spend

    for name in usable["lint"]:
        if rule_named(name) is None:
            near = nearest(name)
            hint = f"did you mean `{near}`?" if near else "docs/rules.md lists all rules"
            place = document.keys.get(("lint", name))
            yield Fault(("lint",), Problem("unknown-rule", f"there is no rule `{name}`", place, hint))
