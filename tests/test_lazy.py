"""Dataclasses whose methods are generated when the first instance is made."""

from __future__ import annotations

import dataclasses
import inspect
import threading
from collections.abc import Callable
from dataclasses import field
from typing import Any

import pytest

from ctgitops import lazy


def pair() -> tuple[type[Any], type[Any]]:
    """A new class and a subclass of it. Neither has an instance."""

    @lazy.dataclass(frozen=True)
    class Base:
        a: int
        b: list[int] = field(default_factory=list)
        c: int = field(default=7, repr=False)

    @lazy.dataclass(frozen=True)
    class Derived(Base):
        d: int = 1

    return Base, Derived


def is_whole(made: Any) -> bool:
    assert inspect.signature(type(made)).parameters.keys() >= {"a", "b", "c"}
    assert (made, made.b, made.c) == (dataclasses.replace(made), [], 7)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.a = 2
    return "a=1, b=[]" in repr(made)


def test_threads_that_make_the_first_instances_get_whole_classes() -> None:
    for _ in range(20):
        classes, together = pair(), threading.Barrier(4)
        found: list[bool] = []

        def make(of: type[Any], together: threading.Barrier = together, found: list[bool] = found) -> None:
            together.wait()
            found.append(is_whole(of(1)))

        threads = [threading.Thread(target=make, args=(classes[n % 2],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 4


@pytest.mark.parametrize("at", range(1, 5))
def test_an_interrupt_of_the_first_instance_leaves_the_class_as_it_was(
    monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Seen to fail with `Cannot overwrite attribute __setattr__ in class Base`."""
    base, derived = pair()
    real, calls = dataclasses.dataclass, 0

    def interrupted(*classes: Any, **options: Any) -> Callable[[Any], Any]:
        def decorate(of: Any) -> Any:
            nonlocal calls
            calls += 1
            made = real(**options)(of)
            if calls == at:
                raise KeyboardInterrupt
            return made

        return decorate(*classes) if classes else decorate

    with monkeypatch.context() as patched:
        patched.setattr(dataclasses, "dataclass", interrupted)
        with pytest.raises(KeyboardInterrupt):
            derived(1)
    assert is_whole(derived(1))
    assert is_whole(base(1))
