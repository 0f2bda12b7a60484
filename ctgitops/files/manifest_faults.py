"""Checks a manifest for faults that JSON Schema cannot describe, such as an invalid time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ..core.problem import Problem
from ..core.workspace.workspace import query_problems
from ..errors import Place
from ..lazy import regex
from ..sql.script import Script
from .freezes import freeze_faults
from .json_schema import Fault, dotted
from .policy import unknown_rules
from .receivers import receiver_faults
from .strict_yaml import Document, Keys, shown_value
from .time_zones import near_zone, zone_exists

if TYPE_CHECKING:
    from ..core.environment.apply_policy import Health
    from ..core.environment.environment import Environment
    from .repository import Repository

Usable = dict[str, Any]

_LONGEST = {"ms": 86_400_000, "s": 2_073_600, "min": 34_560, "h": 576, "d": 24}
"""Maps units to the longest duration, which is 24 days. PostgreSQL's timeouts end at 2**31 - 1 ms (24.8 days)."""


def semantic_faults(document: Document, usable: Usable, repository: Repository) -> tuple[Fault, ...]:
    """Reports invalid durations, time zones, tags without a release, and seed folders."""
    return (
        *_durations(document, usable),
        *_measured(document, usable),
        *_windows(document, usable),
        *_tags(document, usable),
        *_disposable(document, usable),
        *_shadow(document, usable),
        *_seeds(document, usable, repository),
        *_maker(document, usable),
        *_backup(document, usable),
        *freeze_faults(document, usable, repository),
        *receiver_faults(document, usable),
        *unknown_rules(document, usable),
    )


def _durations(document: Document, usable: Usable) -> Iterator[Fault]:
    written: dict[Keys, str] = {("timeouts", key): text for key, text in usable.get("timeouts", {}).items()}
    if "bake" in usable:
        written["bake",] = usable["bake"]
    written |= {("health", key): text for key, text in usable.get("health", {}).items() if key != "query"}
    for keys, text in written.items():
        number = text.rstrip("dhimns")
        longest = _LONGEST[text[len(number) :]]
        if int(number) > longest * (100 if keys[0] == "bake" else 1):
            yield _fault(document, keys, text, "the maximum is " + ("2400d" if keys[0] == "bake" else "24d"))
        elif int(number) == 0 and keys[-1] in {"lock", "statement"}:
            yield _fault(document, keys, text, "PostgreSQL reads zero as no timeout: choose a longer time")


_MEASURED = {"within": ("1s", 1, "5h", 18_000), "before": ("0s", 0, "1h", 3600)}
"""The shortest and longest times of the keys in `performance`. A job on GitHub ends after six hours."""


def _measured(document: Document, usable: Usable) -> Iterator[Fault]:
    for key, (least, shortest, most, longest) in _MEASURED.items():
        text = usable.get("performance", {}).get(key)
        if text is None:
            continue
        number = text.rstrip("dhimns")
        seconds = int(number) * _LONGEST["s"] / _LONGEST[text[len(number) :]]
        if not shortest <= seconds <= longest:
            yield _fault(document, ("performance", key), text, f"expected from {least} to {most}")


def _windows(document: Document, usable: Usable) -> Iterator[Fault]:
    for index, window in enumerate(usable.get("windows", ())):
        keys: Keys = ("windows", index)
        if window["from"] == window["to"] != "00:00":
            hint = "for a whole day write `from: 00:00` and `to: 00:00`"
            yield _fault(document, (*keys, "to"), window["to"], hint)
        if not zone_exists(window["timezone"]):
            yield _fault(document, (*keys, "timezone"), window["timezone"], near_zone(window["timezone"]))


def _tags(document: Document, usable: Usable) -> Iterator[Fault]:
    apply = usable.get("apply", {})
    if "tags" in apply and apply["on"] != "release":
        hint = "remove `tags`, or write `on: release`"
        what = f"`apply.tags` has no effect with `on: {apply['on']}`"
        yield Fault(("apply",), Problem("value", what, document.keys.get(("apply", "tags")), hint))


_NOT_DISPOSABLE: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("backup", ()),
    ("after", ()),
    ("reviewed", ("off",)),
    ("apply", ({"on": "manual"},)),
)
"""Keys that contradict `disposable: true`, with their allowed values. Such keys protect data or apply automatically."""


def _disposable(document: Document, usable: Usable) -> Iterator[Fault]:
    """Reports keys that contradict `disposable: true`, including keys with invalid values."""
    written: Any = document.value
    for key, harmless in _NOT_DISPOSABLE if usable.get("disposable") else ():
        if key in written and written[key] not in harmless:
            what = f"`disposable: true` excludes `{key}`" + (" unless it is `on: manual`" if key == "apply" else "")
            hint = f"remove `{key}`, or `disposable`: `ctgitops reset` drops everything in a disposable database"
            yield Fault(("disposable",), Problem("disposable", what, document.place((key,)), hint))


def after_disposable(environments: dict[str, Environment]) -> Iterator[Problem]:
    """Reports environments with a disposable environment in `after`, where a reset removes applied migrations."""
    for environment in environments.values():
        other = environments.get(environment.after or "")
        if other and other.disposable:
            what = f"`after: {other.name}` names an environment with `disposable: true`"
            hint = f"remove `after`, or `disposable` from {other.path}: a reset removes what {other.name} has applied"
            yield Problem("disposable", what, Place(environment.path), hint)


def _shadow(document: Document, usable: Usable) -> Iterator[Fault]:
    shadow = usable.get("shadow", {})
    if "url" in shadow and "image" in shadow:
        what = "`shadow.url` and `shadow.image` are mutually exclusive"
        yield Fault(("shadow",), Problem("value", what, document.keys.get(("shadow", "image")), "remove one of them"))


def _seeds(document: Document, usable: Usable, repository: Repository) -> Iterator[Fault]:
    for index, folder in enumerate(usable.get("seeds", ())):
        keys: Keys = ("seeds", index)
        parts = PurePosixPath(folder).parts
        if folder.startswith("/") or ".." in parts or "\\" in folder or "\0" in folder:
            yield _fault(document, keys, folder, "name a folder inside the repository, relative to its root")
        elif parts[:1] in {(), ("migrations",), ("environments",)}:
            yield _fault(document, keys, folder, "seed files need a separate folder, such as `seeds/production`")
        elif refused := repository.linked(folder):
            yield Fault(keys, refused)
        elif not (repository.root / folder).is_dir():
            yield _fault(document, keys, folder, "the folder does not exist: create the folder, or correct its name")


_BUCKET = regex(r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/[^@?#\s]*)?")
_OF_S3 = ("region", "path_style", "server_side_encryption", "object_lock")


_OF_PG_DUMP = (
    *("to", "store", "encrypt_to", "verify", "verify_server", "keep", "critical_tables", "export", "scope", "max_size"),
)


def _maker(document: Document, usable: Usable) -> Iterator[Fault]:
    """Reports keys that the maker of backups needs but lacks, and keys that it ignores."""
    if "backup" not in usable:
        return
    backup: dict[str, Any] = usable["backup"]
    by = backup.get("by", "pg_dump")
    needed, example = {
        "pg_dump": ("to", "to: /var/backups/production"),
        "pgbackrest": ("pgbackrest", "pgbackrest: {stanza: main}"),
        "command": ("command", "command: [scripts/snapshot]"),
    }[by]
    if needed not in backup:
        what = f"key `backup.{needed}` is missing"
        place = document.keys.get(("backup",)) or document.place(("backup",))
        yield Fault(("backup",), Problem("missing-key", what, place, f"add `{example}`"))
    ignored = {"command", "pgbackrest", *(_OF_PG_DUMP if by != "pg_dump" else ())} - {needed}
    for key in sorted(ignored & backup.keys()):
        keys: Keys = ("backup", key)
        what = f"`backup.{key}` has no effect with `by: {by}`"
        yield Fault(keys, Problem("value", what, document.keys.get(keys), f"remove `{key}`"))


def _backup(document: Document, usable: Usable) -> Iterator[Fault]:
    """Reports an invalid address, wrong keys and settings without effect.

    Never shows the address, which may contain a secret.
    """
    backup = usable.get("backup", {})
    to, settings = str(backup.get("to", "")), backup.get("store", {})
    if "://" in to and not _BUCKET.fullmatch(to):
        what = "`backup.to` is not the address of a bucket"
        hint = "write `s3://BUCKET/PREFIX`, `gs://…` or `az://…`; credentials come from the environment"
        yield Fault(("backup", "to"), Problem("value", what, document.place(("backup", "to")), hint))
    of_s3 = [] if to.startswith("s3://") else [key for key in _OF_S3 if key in settings]
    for key in of_s3 if "://" in to else settings:
        keys: Keys = ("backup", "store", key)
        what = f"`backup.store.{key}` has no effect with this `backup.to`"
        yield Fault(keys, Problem("value", what, document.keys.get(keys), f"remove `{key}`"))
    if re.fullmatch(r"0+[a-z]+", backup.get("max_time", "")):
        hint = "zero would refuse every backup: choose a longer time, or remove the key"
        yield _fault(document, ("backup", "max_time"), backup["max_time"], hint)
    if re.fullmatch(r"0+[a-z]+", settings.get("object_lock", "")):
        hint = "zero locks nothing: choose a longer time, or remove the key"
        yield _fault(document, ("backup", "store", "object_lock"), settings["object_lock"], hint)
    for index, text in enumerate(backup.get("encrypt_to", ())):
        from .age_keys import recipient  # noqa: PLC0415 - few manifests encrypt

        try:
            recipient(text)
        except ValueError as error:
            keys = ("backup", "encrypt_to", index)
            yield _fault(document, keys, text, f"not an age or SSH public key: {error}")


def _fault(document: Document, keys: Keys, value: str, hint: str) -> Fault:
    what = f"`{dotted(keys)}: {shown_value(value)}` is not valid"
    return Fault(keys, Problem("value", what, document.place(keys), hint))


_HEALTH: Keys = ("health",)
_SHORTEST = timedelta(seconds=1)


def query_of(document: Document, text: str) -> Script:
    """The health query as a Script that starts at its line in the manifest."""
    return Script(text, document.path, document.place((*_HEALTH, "query")).line or 1)


def health_faults(document: Document, health: Health) -> Iterator[Fault]:
    """Reports a health query that is not a SELECT, and invalid times."""
    place = document.place((*_HEALTH, "query"))
    for problem in (each for each in query_problems(health.query) if each.blocks):
        what = f"`health.query`: {problem.what}"
        yield Fault((*_HEALTH, "query"), Problem("health-query", what, place, problem.hint))
    if not _SHORTEST <= health.every <= health.within:
        written: Any = document.value
        key = "every" if "every" in written["health"] else "within"
        value = shown_value(written["health"].get(key))
        what = f"`health.{key}: {value}` is not valid"
        hint = "expected at least 1s and at most `within` (default: 5min)"
        yield Fault((*_HEALTH, key), Problem("value", what, document.place((*_HEALTH, key)), hint))
