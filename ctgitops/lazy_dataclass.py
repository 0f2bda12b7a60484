"""`dataclasses.dataclass` that generates the methods of a class when its first instance is made.

Python needs 0.3 ms or more to generate the methods of one class. A run imports 150 classes or more, and makes instances
of a third of them. Until then, `dataclasses.fields` does not accept such a class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - type checkers must see the real decorator
else:
    import dataclasses
    from threading import RLock

    _lock = RLock()
    _pending = {}
    """Maps each class without its methods to the options of its decorator."""

    def dataclass(cls=None, /, **options):
        """As `dataclasses.dataclass`. The class must not define `__init__`."""
        if cls is None:
            return lambda decorated: dataclass(decorated, **options)

        def first(self, *args, **kwargs):
            with _lock:
                _complete(cls)
            cls.__init__(self, *args, **kwargs)

        _pending[cls] = options
        cls.__init__ = first
        return cls

    def _complete(cls):
        """Generates the methods of a class and of its bases. Sets `__init__` last, because another thread may call it."""
        for base in reversed(cls.__mro__):
            if (options := _pending.get(base)) is not None:
                kept = {k: v for k, v in vars(base).items() if k not in {"__init__", "__dict__", "__weakref__"}}
                of_init = {**options, "repr": False, "eq": False, "order": False}
                whole = dataclasses.dataclass(**of_init)(type(base.__name__, base.__bases__, kept))
                dataclasses.dataclass(**options, init=False)(base)
                base.__init__ = whole.__init__
                del _pending[base]
