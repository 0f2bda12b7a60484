"""Decorated classes and regular expressions that do their work on first use, so that a run starts sooner.

A run imports 150 dataclasses and 140 regular expressions or more, and uses a third of them. Each one that is not used
costs 0.3 to 0.5 ms with the standard library.

Import a type inside `if TYPE_CHECKING`, and what most runs do not need inside its function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["dataclass", "regex"]

if TYPE_CHECKING:  # type checkers must see the functions of the standard library
    from dataclasses import dataclass
    from re import compile as regex
else:
    import dataclasses
    import re
    from threading import RLock

    _lock = RLock()
    _pending = {}
    """Maps each class whose methods are not generated yet to the options of its decorator."""

    def dataclass(cls=None, /, **options):
        """As `dataclasses.dataclass`, but generates the methods when the first instance is made.

        The class must not define `__init__`. Until the first instance, `dataclasses.fields` does not accept the class.
        """
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
        """Generates the methods of a class and of its bases. Sets `__init__` last: another thread may call it."""
        for base in reversed(cls.__mro__):
            if base in _pending:
                before = dict(vars(base))
                try:
                    _generate(base, _pending[base])
                except BaseException:
                    _restore(base, before)  # after Ctrl-C, the clean-up may need the class
                    raise
                del _pending[base]

    def _generate(base, options):
        kept = {k: v for k, v in vars(base).items() if k not in {"__init__", "__dict__", "__weakref__"}}
        of_init = {**options, "repr": False, "eq": False, "order": False}
        whole = dataclasses.dataclass(**of_init)(type(base.__name__, base.__bases__, kept))
        dataclasses.dataclass(**options, init=False)(base)
        base.__init__ = whole.__init__

    def _restore(base, before):
        for name in vars(base).keys() - before.keys():
            delattr(base, name)
        for name, value in before.items():
            if vars(base).get(name) is not value:
                setattr(base, name, value)

    class regex:  # noqa: N801 - replaces a function
        """As `re.compile`, but compiles when a method is first called."""

        def __init__(self, *args):
            self._args = args

        def __getattr__(self, name):
            value = getattr(re.compile(*self._args), name)  # `re` keeps compiled expressions
            setattr(self, name, value)
            return value
