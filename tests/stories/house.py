"""A repository, its secrets, and the real command, run in it as a user runs it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.servers import fetch, session
from tests.stories.forked import forked

CODE = Path(__file__).parents[2]
SECONDS = 60
INTERRUPTED = 130


@dataclass(frozen=True)
class Run:
    """How one command ended."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def words(self) -> str:
        """Everything it said, on one line."""
        return " ".join(self.said.split())

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Running:
    """A command that runs, in a process group of its own as a shell gives it."""

    process: subprocess.Popen[str]
    house: House
    heard: bytes = b""

    def says(self, text: str, seconds: float = SECONDS) -> None:
        """Waits until it has said `text` on its standard error: how long that takes is the machine's business."""
        assert self.process.stderr is not None
        stream = self.process.stderr.fileno()  # as communicate() reads it, past its buffer
        deadline = time.monotonic() + seconds
        while text.encode() not in self.heard:
            ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
            more = os.read(stream, 65536) if ready else b""
            assert more, f"it did not say {text!r}, but:\n{self.heard.decode()}"
            self.heard += more

    def ctrl_c(self) -> None:
        """What a terminal does: the signal goes to everything in the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """What a runner does that cancels a job: SIGTERM to the one process it started."""
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()

    def ended(self, seconds: float = SECONDS) -> Run:
        out, err = self.process.communicate(timeout=seconds)
        return self.house.checked(Run(self.process.returncode, out, self.heard.decode() + err))


@dataclass
class House:
    """A repository at `root`, and the variables with the secrets of its environments."""

    root: Path
    secrets: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def migration(self, name: str, up: str, *, down: str | None = None, verify: str | None = None) -> Path:
        for ending, sql in ((".down", down), (".verify", verify)):
            if sql is not None:
                self.write(f"migrations/{name}{ending}.sql", sql + "\n")
        return self.write(f"migrations/{name}.sql", up + "\n")

    def remove(self, *names: str) -> None:
        for name in names:
            (self.root / "migrations" / f"{name}.sql").unlink()

    def environment(self, name: str, url: str | None, more: str = "") -> None:
        """A manifest, and its secret where there is a URL."""
        secret = f"{name.upper()}_DATABASE_URL"
        if "shadow:" not in more:
            more += "shadow: none\n"  # half a second, which only stories of the proof need
        self.write(f"environments/{name}.yaml", f"environment: {name}\ndatabase:\n  url: ${{{secret}}}\n{more}")
        self.secrets.pop(secret, None)
        if url is not None:
            self.secrets[secret] = url

    def policy(self, text: str) -> None:
        self.write("migrations/policy.yaml", text)

    def run(self, *arguments: str, environ: dict[str, str] | None = None, **options: Any) -> Run:
        """Runs a command to its end."""
        if options:
            return self.start(*arguments, environ=environ, **options).ended()
        return self.checked(self.unchecked(*arguments, environ=environ))

    def unchecked(self, *arguments: str, environ: dict[str, str] | None = None) -> Run:
        """The same, where what it says may hold a secret."""
        return Run(*forked(arguments, self.root, {**_environ(), **self.secrets, **(environ or {})}, SECONDS))

    def apply(self, *arguments: str) -> Run:
        return self.run("apply", "--env", "staging", *arguments)

    def plan(self, *arguments: str) -> Run:
        return self.run("plan", "--env", "staging", *arguments)

    def applied(self, *arguments: str) -> Run:
        """An apply that must succeed."""
        run = self.apply(*arguments)
        assert run.status == 0, run.said
        return run

    def start(self, *arguments: str, environ: dict[str, str] | None = None, **options: Any) -> Running:
        """Starts a command."""
        process = subprocess.Popen(
            [sys.executable, "-m", "ctgitops", *arguments],
            cwd=self.root,
            env={**_environ(), **self.secrets, **(environ or {})},
            **{"stdin": subprocess.DEVNULL, **options},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return Running(process, self)

    def checked(self, run: Run) -> Run:
        """No command shows a traceback or a secret, however it ends."""
        assert "Traceback (most recent call last)" not in run.said, run.said
        for secret in self.secrets.values():
            for form in forms_of(secret):
                assert form not in run.said, f"a secret is in what it said:\n{run.said}"
        return run


def forms_of(url: str) -> set[str]:
    """The ways in which a secret could be written: the URL, and its password plain and as it stands in a URL."""
    forms = {url}
    with_password = url.rpartition("@")[0]
    if ":" in with_password.removeprefix("postgresql://"):
        written = with_password.removeprefix("postgresql://").partition(":")[2]
        forms |= {written, unquote(written), quote(unquote(written), safe="")}
    return {form for form in forms if len(form) > 2}


def database_of(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


def as_role(url: str, role: str) -> str:
    """The same database, as another role of a server that asks for no password."""
    return url.replace("://postgres@", f"://{role}@")


def _environ() -> dict[str, str]:
    """What a command gets of our environment: no variable of a runner, no locale, no colours."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "CTGITOPS_POSTGRES", "PYTHONPYCACHEPREFIX")
    return {"PYTHONPATH": str(CODE), **{name: os.environ[name] for name in kept if name in os.environ}}


# What a database is. ----------------------------------------------------------------------------------------------

_OURS = "n.nspname not in ('pg_catalog', 'information_schema', 'ctgitops') and n.nspname !~ '^pg_(toast|temp)'"
_CATALOGUE = f"""
select 'schema', n.nspname, n.nspowner::regrole::text, n.nspacl::text from pg_namespace n where {_OURS}
union all select 'relation', c.oid::regclass::text, c.relowner::regrole::text, concat_ws(' ', c.relkind,
    c.relpersistence, c.relacl, c.relrowsecurity, c.reloptions, obj_description(c.oid), pg_get_viewdef(c.oid))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where {_OURS}
union all select 'column', a.attrelid::regclass::text, a.attname, concat_ws(' ', a.attnum,
    format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attnum > 0 and {_OURS}
union all select 'constraint', k.conrelid::regclass::text, k.conname,
    concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated)
    from pg_constraint k join pg_namespace n on n.oid = k.connamespace where {_OURS}
union all select 'index', i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
    concat_ws(' ', i.indisvalid, i.indisready)
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace where {_OURS}
union all select 'function', p.oid::regprocedure::text, p.proowner::regrole::text, concat_ws(' ', p.prosrc, p.proacl)
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {_OURS}
union all select 'type', t.oid::regtype::text, t.typtype::text, t.typowner::regrole::text
    from pg_type t join pg_namespace n on n.oid = t.typnamespace where {_OURS}
union all select 'trigger', t.tgrelid::regclass::text, t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace where {_OURS}
union all select 'extension', extname, extversion, '' from pg_extension
union all select 'setting', setrole::regrole::text, setconfig::text, '' from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
union all select 'large object', oid::text, '', '' from pg_largeobject_metadata
order by 1, 2, 3, 4
"""
_TABLES = f"""
select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and {_OURS} order by 1
"""

Facts = list[tuple[object, ...]]


def facts(url: str) -> Facts:
    """Everything that a database holds but for the ledger: its catalogue, and the rows of its tables."""
    with session(url) as connection:
        connection.execute("set search_path = ''")
        found = connection.execute(_CATALOGUE.encode()).fetchall()
        for (name,) in connection.execute(_TABLES.encode()).fetchall():
            rows = connection.execute(f"select t::text from {name} t order by 1".encode()).fetchall()
            found.append(("rows", name, *(row[0] for row in rows)))
    return found


def marks(url: str) -> list[str]:
    """The ledger, oldest first, as `001_one applied`; nothing where there is no ledger."""
    if not fetch(url, "select from pg_tables where schemaname = 'ctgitops' and tablename = 'ledger'"):
        return []
    return [f"{name} {mark}" for name, mark in fetch(url, "select name, mark from ctgitops.ledger order by id")]


def has(url: str, relation: str) -> bool:
    return fetch(url, f"select to_regclass('{relation}') is not null") == [(True,)]


def ours(url: str) -> list[tuple[object, ...]]:
    """The backends of ctgitops in this database, and what they do."""
    query = """select application_name, state, backend_xmin, left(query, 60) from pg_stat_activity
               where datname = current_database() and application_name like 'ctgitops%'
                 and application_name <> 'ctgitops test'"""
    return fetch(url, query)


def advisory_locks(url: str) -> int:
    query = """select count(*) from pg_locks where locktype = 'advisory'
               and database = (select oid from pg_database where datname = current_database())"""
    return int(str(fetch(url, query)[0][0]))


def until(happens: Callable[[], object], seconds: float = SECONDS) -> None:
    """Waits for something that another process is about to do."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def runs(url: str, text: str) -> bool:
    """Whether a backend of ctgitops carries out a statement with `text` in it now; the ledger's entries hold it too."""
    query = f"""select from pg_stat_activity where datname = current_database() and state = 'active'
                and application_name like 'ctgitops/%' and query like '%{text}%'
                and not starts_with(query, 'insert into')"""
    return bool(fetch(url, query))


@contextmanager
def transaction(url: str, statements: str) -> Iterator[None]:
    """Somebody else's transaction, which stays open for the length of a block."""
    with session(url) as connection:
        connection.execute("begin")
        connection.execute(statements.encode())
        yield


def names(rows: Sequence[tuple[object, ...]]) -> list[object]:
    """The first column."""
    return [row[0] for row in rows]
