"""A database whose backups go to a bucket or a folder, a run of it that a fault strikes, and what must be true then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import obstore
from obstore.store import S3Store

from ctgitops.backup.finished import FinishedBackups
from ctgitops.core.environment.environment import BackupPolicy, Environment, StoreSettings
from tests.backup import seaweed
from tests.backup.faulty_proxy import FaultyProxy
from tests.backup.scene import Scene
from tests.backup.stores import KEY, PUBLIC
from tests.faults.scene import MOST_RUNS, Watched
from tests.servers import fetch, run
from tests.stories.house import Facts, House, Run, advisory_locks, facts, marks, ours, until

ENDED = {0, 6, 7, 130, -9, -15}
"""How a run may end: it is done, stopped between two migrations, has no verified backup, or was ended by a signal."""
CONTENT = """
create table words as select n, md5(n::text) as word from generate_series(1, 500) n;
create table big as select n, string_agg(md5(random()::text), '') as noise
    from generate_series(1, 300) n, generate_series(1, 200) m group by n;
create sequence numbers; select nextval('numbers');
"""
MIGRATION = "create table applied (id int); insert into applied values (1);"


@dataclass
class BackupScene:
    """One repository, database and store, and chance."""

    house: House
    url: str
    chance: Random
    to: str
    temporary: Path
    """The folder for temporary files of the runs."""
    proxy: FaultyProxy | None = None
    endpoint: str = ""
    """The store itself, behind the proxy."""
    encrypted: bool = True
    environ: dict[str, str] = field(default_factory=dict)
    began: list[Watched] = field(default_factory=list)
    """The runs that were started and have not been waited for."""

    def manifest(self, *, endpoint: str = "", more: str = "") -> None:
        """Writes it. The store is reached through the proxy, or at `endpoint`."""
        lines = [f"to: {self.to}", 'verify_server: "${VERIFY_URL}"', "critical_tables: [public.words]"]
        lines += ["keep: {last: 1}", "export: {tables: [public.words], format: csv}"]
        if self.proxy:
            lines.append(f"store: {{endpoint: '{endpoint or self.proxy.url}', region: us-east-1}}")
        if self.encrypted:
            lines.append(f"encrypt_to: [{PUBLIC}]")
        lines += [more] if more else []
        self.house.environment("staging", self.url, "backup:\n" + "".join(f"  {line}\n" for line in lines))

    def start(self, *arguments: str, **options: Any) -> Watched:
        """A run with a backup."""
        watched = Watched(self.house.start(*arguments, "--env", "staging", environ=self.environ, **options))
        self.began.append(watched)
        return watched

    def run(self, *arguments: str) -> Run:
        """A run to its end."""
        return self.ended(self.start(*arguments))

    def ended(self, watched: Watched) -> Run:
        self.began.remove(watched)
        return watched.ended(120)

    @property
    def name(self) -> str:
        """The name of the bucket."""
        return self.to.removeprefix("s3://").partition("/")[0]

    @property
    def client(self) -> S3Store:
        """A client of the bucket, past the proxy."""
        return seaweed.bucket(self.endpoint, self.name)

    def stored(self) -> list[str]:
        """What lies in the store: the paths of all objects or files, below `to`."""
        if self.proxy:
            prefix = self.to.removeprefix(f"s3://{self.name}/")
            listed = [each["path"] for page in obstore.list(self.client, prefix=prefix) for each in page]
            return sorted(path.removeprefix(f"{prefix}/") for path in listed)
        return sorted(str(each.relative_to(self.to)) for each in Path(self.to).rglob("*") if not each.is_dir())

    @property
    def backups(self) -> FinishedBackups:
        """Finished backups, read past the proxy and with the right key."""
        settings = StoreSettings(endpoint=self.endpoint, region="us-east-1") if self.proxy else StoreSettings()
        reader = Scene(self.house.root, self.url, verify_url=self.url, to=self.to, settings=settings, key=KEY)
        return FinishedBackups(reader.backups)

    @property
    def environment(self) -> Environment:
        settings = StoreSettings(endpoint=self.endpoint, region="us-east-1") if self.proxy else StoreSettings()
        return Environment("staging", "URL", backup=BackupPolicy(self.to, verify_server="URL", store=settings))


def prepared(scene: BackupScene) -> BackupScene:
    """With rows, a migration that is not applied yet, and one verified backup."""
    scene.house.policy("header: optional\n")
    scene.house.secrets["VERIFY_URL"] = scene.url
    scene.house.migration("001_one", MIGRATION)
    scene.temporary.mkdir(parents=True, exist_ok=True)
    scene.environ |= {"TMPDIR": str(scene.temporary), "CTGITOPS_IDENTITY": KEY}
    if scene.proxy:
        scene.environ |= {"AWS_ACCESS_KEY_ID": seaweed.ACCESS, "AWS_SECRET_ACCESS_KEY": seaweed.SECRET}
    scene.manifest()
    run(scene.url, CONTENT)
    done = scene.run("backup")
    assert done.status == 0, done.said
    return scene


@contextmanager
def struck_once(scene: BackupScene) -> Iterator[None]:
    """A fault: whatever it did to the store or the manifest is over at the end, and no run goes on."""
    try:
        yield
    finally:
        for watched in list(scene.began):
            watched.running.kill()
            scene.ended(watched)
        if scene.proxy:
            scene.proxy.decide = _pass_on
        scene.environ["CTGITOPS_IDENTITY"] = KEY
        scene.manifest()


def nothing_false_is_said(scene: BackupScene, done: list[Run], before: Facts) -> None:
    """Right after a fault: no row is lost, nothing is applied without a backup, and each listed backup is whole."""
    for each in done:
        assert each.status in ENDED | {5}, each.said
        if each.status == 7:
            assert "nothing was" in each.words, each.said
    until(lambda: not ours(scene.url), 15)
    if "001_one applied" in marks(scene.url):
        receipts = "select receipt from ctgitops.ledger where name = '001_one' and mark = 'applied'"
        [(receipt,)] = fetch(scene.url, receipts)
        assert receipt, "applied without a backup"
        assert any(backup.id in str(receipt) for backup in listed(scene)), receipt
    else:
        assert facts(scene.url) == before
    for backup in listed(scene):
        scene.backups.verify(f"{scene.to}/{backup.id}/receipt.json", _quiet)


def goes_on_and_tidies(scene: BackupScene) -> None:
    """The next runs apply, leave only whole backups, and the newest comes back. Nothing of the faulty run is left."""
    for _ in range(MOST_RUNS):
        done = scene.run("apply", "--wait", "60")
        if done.status == 0:
            break
        assert done.status in {5, 6}, done.said
    assert done.status == 0, done.said
    done = scene.run("backup")
    assert done.status == 0, done.said
    until(lambda: not ours(scene.url) and not advisory_locks(scene.url), 15)
    assert marks(scene.url).count("001_one applied") == 1
    assert fetch(scene.url, "select count(*) from applied") == [(1,)]
    assert {path.split("/")[0] for path in scene.stored()} == {each.id for each in listed(scene)}
    assert "incomplete" not in scene.run("backup", "prune").words, "the backup before it left it"
    left = "select datname from pg_database where datname like 'ctgitops%'"
    assert fetch(scene.url, left) == []
    patience = time.monotonic() + 10
    while (files := sorted(scene.temporary.iterdir())) and time.monotonic() < patience:
        time.sleep(0.1)  # a watchdog ends the programs of a killed run before it removes their files
    assert files == []
    for backup in listed(scene):
        scene.backups.verify(f"{scene.to}/{backup.id}/receipt.json", _quiet)
    assert not scene.backups.drill(scene.environment, _quiet).failed


def listed(scene: BackupScene) -> tuple[Any, ...]:
    """The backups with a receipt."""
    return scene.backups.stored(scene.environment)


def when(happens: Callable[[], object], watched: Watched) -> bool:
    """Waits for what another process is about to do; False where the run ended before."""
    while watched.running.process.poll() is None:
        if happens():
            return True
        time.sleep(0.0005)
    return False


def _pass_on(_method: str, _path: str) -> None:
    return


def _quiet(_progress: object) -> None:
    return
