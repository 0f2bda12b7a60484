"""A store that is not a folder: objects in memory, as a bucket holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ctgitops.ports.backup_store import RECEIPT, Draft


@dataclass(frozen=True)
class Bucket:
    """Implements `ports.backup_store.BackupStore`, with the working folder in a temporary one."""

    url: str = "memory://bucket/production"
    objects: dict[str, bytes] = field(default_factory=dict)

    def location(self, backup: str) -> str:
        return f"{self.url}/{backup}"

    @contextmanager
    def begin(self, backup: str) -> Iterator[Draft]:
        with TemporaryDirectory() as working:
            folder = Path(working)

            def finish(receipt: str) -> None:
                for path in folder.rglob("*"):
                    if path.is_file():
                        self.objects[f"{backup}/{path.relative_to(folder)}"] = path.read_bytes()
                self.objects[f"{backup}/{RECEIPT}"] = receipt.encode()

            yield Draft(folder, finish)

    @contextmanager
    def get(self, backup: str) -> Iterator[Path]:
        with TemporaryDirectory() as working:
            for name, content in self.objects.items():
                if name.startswith(f"{backup}/"):
                    path = Path(working, name.removeprefix(f"{backup}/"))
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
            yield Path(working)

    def ids(self) -> tuple[str, ...]:
        return tuple(sorted(name.split("/")[0] for name in self.objects if name.endswith(f"/{RECEIPT}")))

    def delete(self, backup: str) -> None:
        mine = [name for name in self.objects if name.startswith(f"{backup}/")]
        for name in sorted(mine, key=lambda name: not name.endswith(f"/{RECEIPT}")):
            del self.objects[name]
