"""Reads `environments/*.yaml`: converts each valid manifest to an Environment."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ..core.environment.apply_policy import ApplyPolicy, Health, OnFailure, TransactionScope
from ..core.environment.environment import (
    BackupMaker,
    BackupPolicy,
    BackupScope,
    DataPreflight,
    Environment,
    ExportFormat,
    ExportPolicy,
    KeepPolicy,
    Limits,
    PgBackRestSettings,
    PreflightAction,
    PreflightPolicy,
    Reviewed,
    ShadowPolicy,
    StoreSettings,
    Timeouts,
    Trigger,
)
from ..core.environment.performance_policy import OnRegression, PerformancePolicy
from ..core.environment.window import Window
from ..core.migration.selector import Selector
from ..core.problem import Problem
from ..errors import Place
from .freezes import freezes_of
from .json_schema import faults
from .manifest_faults import after_disposable, health_faults, query_of, semantic_faults
from .policy import read_document, without_faults
from .receivers import receivers_of, secret
from .repository import Item, Repository, sub_folder

if TYPE_CHECKING:
    from .strict_yaml import Document

FOLDER = "environments"
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def read_environments(repository: Repository) -> tuple[tuple[Environment, ...], tuple[Problem, ...]]:
    """All valid environments, sorted by name, and all problems with their manifests."""
    items, refused = repository.items(FOLDER)
    problems = list(refused)
    found: dict[str, Environment] = {}
    for item in items:
        environment = _read(repository, item, problems)
        if environment and environment.name in found:
            what = f"environment `{environment.name}` is already defined in `{found[environment.name].path}`"
            problems.append(Problem("duplicate-environment", what, Place(item.path), "keep one of the two files"))
        elif environment:
            found[environment.name] = environment
    problems += after_disposable(found)
    return tuple(found[name] for name in sorted(found)), tuple(problems)


def _read(repository: Repository, item: Item, problems: list[Problem]) -> Environment | None:
    if item.folder:
        problems.append(sub_folder(item, holds_sql=False))
        return None
    stem, _, ending = item.name.rpartition(".")
    if ending not in {"yaml", "yml"}:
        if ending.lower() in {"yaml", "yml"}:
            what = "the file is ignored: a manifest ends in `.yaml`"
            problems.append(Problem("file-name", what, Place(item.path), f"rename the file to {stem}.yaml"))
        return None
    document = read_document(repository, item.path)
    if isinstance(document, Problem):
        problems.append(document)
        return None
    all_faults = faults(document, "manifest")
    all_faults += semantic_faults(document, without_faults(document, all_faults), repository)
    if health := without_faults(document, all_faults).get("health"):
        all_faults += tuple(health_faults(document, _health(health, document)))
    problems += [fault.problem for fault in all_faults]
    usable = without_faults(document, all_faults)
    if any(fault.keys[:1] == ("seeds",) for fault in all_faults):
        usable["seeds"] = []
    if "environment" in usable and usable["environment"] != stem:
        what = f"`environment: {usable['environment']}` does not match the file name `{item.name}`"
        hint = f"rename the file to {usable['environment']}.yaml, or the environment to `{stem}`"
        problems.append(Problem("environment-name", what, document.place(("environment",)), hint))
    return _environment(usable, document, repository) if {"environment", "database"} <= usable.keys() else None


def duration(text: str) -> timedelta:
    """Parses a duration such as `200ms`, `15min` or `24h`, which the schema has already validated."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(number) * _UNITS[text[len(number) :]]


def _size(text: str) -> int:
    """Parses a size such as `500MB` or `2TB`."""
    return int(text[:-2]) * {"MB": 10**6, "GB": 10**9, "TB": 10**12}[text[-2:]]


def _environment(usable: dict[str, Any], document: Document, repository: Repository) -> Environment:
    apply = usable.get("apply", {"on": "manual"})
    name = usable["environment"]
    seeds = [f"seeds/{name}"] if (repository.root / f"seeds/{name}").is_dir() else []
    return Environment(
        name=name,
        url_secret=secret(usable["database"]["url"]),
        database_id=usable["database"].get("id"),
        role=usable["database"].get("role", ""),
        target=Selector.parse(str(usable.get("target", "latest"))) or Selector(),
        after=usable.get("after"),
        bake=duration(usable.get("bake", "0s")),
        trigger=Trigger(apply["on"]),
        tags=apply.get("tags", "*"),
        reviewed=Reviewed(usable.get("reviewed", "off")),
        disposable=usable.get("disposable", False),
        windows=tuple(_window(window) for window in usable.get("windows", ())),
        timeouts=Timeouts(**{key: duration(text) for key, text in usable.get("timeouts", {}).items()}),
        apply_policy=_apply_policy(usable, document),
        preflight=_preflight(usable.get("preflight", {})),
        backup=_backup(usable["backup"]) if "backup" in usable else None,
        seeds=tuple(str(PurePosixPath(folder)) for folder in usable.get("seeds", seeds)),
        shadow=_shadow(usable.get("shadow", {})),
        flags=frozenset(usable.get("flags", ())),
        data_preflight=DataPreflight(usable.get("data_preflight", "counts")),
        drift_ignore=tuple(usable.get("drift", {}).get("ignore", ())),
        lint=dict(usable.get("lint", {})),
        freezes=freezes_of(usable, repository),
        performance=_performance(usable["performance"]) if "performance" in usable else None,
        notify=receivers_of(usable),
        path=document.path,
    )


def _window(window: dict[str, Any]) -> Window:
    start, end = time.fromisoformat(window["from"]), time.fromisoformat(window["to"])
    return Window(frozenset(window["days"]), start, end, window["timezone"])


def _apply_policy(usable: dict[str, Any], document: Document) -> ApplyPolicy:
    return ApplyPolicy(
        TransactionScope(usable.get("transaction", "each")),
        OnFailure(usable.get("on_failure", "stop")),
        _health(usable["health"], document) if "health" in usable else None,
        usable.get("parallel", 1),
        usable.get("maintenance_work_mem", ""),
    )


def _health(health: dict[str, Any], document: Document) -> Health:
    durations = {key: duration(health[key]) for key in ("within", "every") if key in health}
    return Health(query_of(document, health["query"]), **durations)


def _performance(written: dict[str, Any]) -> PerformancePolicy:
    values = {key: value for key, value in written.items() if key in {"calls", "large"}}
    # The YAML reader keeps 2.5 as text, because a schema version such as 1.10 is not a number
    values |= {"slower": float(written["slower"])} if "slower" in written else {}
    values |= {key: duration(written[key]) for key in ("within", "before") if key in written}
    return PerformancePolicy(on_regression=OnRegression(written.get("on_regression", "warn")), **values)


def _preflight(written: dict[str, Any]) -> PreflightPolicy:
    """Parses `preflight`. A missing key gets its default."""
    limits = {
        key: value if key == "connections" else duration(value) for key, value in written.get("limits", {}).items()
    }
    chosen = {key: PreflightAction(value) for key, value in written.items() if key != "limits"}
    return PreflightPolicy(**chosen, limits=Limits(**limits), asked=frozenset(chosen))  # type: ignore[arg-type]


def _shadow(written: dict[str, Any] | str) -> ShadowPolicy:
    if isinstance(written, str):
        return ShadowPolicy(wanted=False)
    return ShadowPolicy(
        major=written.get("postgres"),
        extensions=tuple(written.get("extensions", ())),
        url_secret=secret(written["url"]) if "url" in written else "",
        image=written.get("image", ""),
    )


def _backup(backup: dict[str, Any]) -> BackupPolicy:
    server = backup.get("verify_server")
    return BackupPolicy(
        to=backup.get("to", ""),
        by=BackupMaker(backup.get("by", "pg_dump")),
        command=tuple(backup.get("command", ())),
        pgbackrest=PgBackRestSettings(**backup.get("pgbackrest", {})),
        critical_tables=tuple(backup.get("critical_tables", ())),
        verify_server=secret(server) if server else None,
        encrypt_to=tuple(backup.get("encrypt_to", ())),
        from_store=backup.get("verify") == "restore-from-store",
        store=_store(backup.get("store", {})),
        keep=KeepPolicy(**backup["keep"]) if "keep" in backup else None,
        scope=BackupScope(backup.get("scope", "database")),
        max_size=_size(backup["max_size"]) if "max_size" in backup else 0,
        max_time=duration(backup["max_time"]) if "max_time" in backup else None,
        export=_export(backup["export"]) if "export" in backup else None,
    )


def _store(store: dict[str, Any]) -> StoreSettings:
    lock = {"object_lock": duration(store["object_lock"])} if "object_lock" in store else {}
    return StoreSettings(**{**store, **lock})


def _export(export: dict[str, Any]) -> ExportPolicy:
    return ExportPolicy(tuple(export["tables"]), ExportFormat(export.get("format", "csv")))
