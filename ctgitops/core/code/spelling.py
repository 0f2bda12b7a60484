"""The spellings of a table's or column's name in SQL, programming languages and ORMs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, cached_property
from typing import TYPE_CHECKING

from ...lazy import dataclass

if TYPE_CHECKING:
    from ...sql.name_changes import ChangedName

_COMMON = re.compile(r"(?:is|has|first|last|full|display)_\w+|\w+_(?:id|at|on|by|type|name|count|date)")
"""Common column names that have several words. These names do not identify a table."""
_IRREGULAR = {"people": "person", "children": "child", "men": "man", "women": "woman", "data": "datum"}
_AROUND = ("current", "new", "old", "other", "my", "this", "the", "existing", "updated", "created", "first", "saved")


@dataclass(frozen=True)
class Spelling:
    """The spellings of a dropped or renamed name."""

    changed: ChangedName
    prefix: str = ""
    """The first words of the table's name that the class's name lacks, such as the label of a Django app."""

    @cached_property
    def tables(self) -> frozenset[str]:
        """The table's name in SQL and in code: `fibre_nodes`, `fibreNodes`."""
        return _cased(self.changed.table)

    @cached_property
    def row(self) -> str:
        """The name that an ORM gives to a row of the table."""
        return singular(self.changed.table)

    @cached_property
    def classes(self) -> frozenset[str]:
        """The possible names of a class that maps the table: `User`, `Users`."""
        return frozenset(pascal(each) for each in self.names)

    @cached_property
    def names(self) -> frozenset[str]:
        """The table's name and the name of a row, each also without the prefix."""
        short = self.changed.table.removeprefix(f"{self.prefix}_") if self.prefix else self.changed.table
        return frozenset({self.changed.table, self.row, short, singular(short)})

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names of variables that may hold the table, its class or its rows."""
        rows = frozenset().union(*map(_cased, self.names))
        around = {f"{each}_{self.row}" for each in _AROUND} | {f"{each}{pascal(self.row)}" for each in _AROUND}
        return self.tables | rows | around | {self.changed.table.upper(), self.row.upper()}

    @cached_property
    def columns(self) -> frozenset[str]:
        """The column's name as a field, an attribute, a key or a constant."""
        return _cased(self.changed.column) | {self.changed.column.upper()}

    @cached_property
    def column_word(self) -> re.Pattern[str]:
        """A pattern for any spelling of the column, also inside a longer word."""
        return re.compile("|".join(map(re.escape, _folded({self.changed.column}))), re.IGNORECASE)

    @cached_property
    def table_word(self) -> re.Pattern[str]:
        """A pattern for any spelling of the table or of its row, also inside a longer word."""
        return re.compile("|".join(map(re.escape, _folded(self.names))), re.IGNORECASE)

    @property
    def needs_table(self) -> bool:
        """Whether the column's name is common. A common name counts only near the name of the table."""
        return not distinctive(self.changed.column) or bool(_COMMON.fullmatch(self.changed.column.lower()))

    @cached_property
    def hints(self) -> tuple[tuple[str, ...], ...]:
        """Groups of lower-case words. A file that refers to the name contains at least one word of each group."""
        table = _folded(self.names)
        column = _folded({self.changed.column})
        if not self.changed.column:
            return (table,)
        return (column, table) if self.needs_table else (column,)


@cache
def spelling_of(changed: ChangedName, prefix: str = "") -> Spelling:
    """The spellings of a name, computed once and cached."""
    return Spelling(changed, prefix)


def prefix_in(path: str, text: str, table: str) -> str:
    """The prefix of a table's name that stands for a module of the code. Empty without a prefix.

    The class of the table `shop_customer` is `Customer` in `shop/models.py` (Django) or `Shop::Customer` (Rails).
    """
    words = table.split("_")
    heads = ("_".join(words[:number]) for number in range(len(words) - 1, 0, -1))
    folders = path.lower().split("/")[:-1]
    named = (head for head in heads if head in folders or f"{head}.models" in text or f"{pascal(head)}::" in text)
    return next(named, "")


def distinctive(name: str) -> bool:
    """Whether a name has several words. Such a name is unlikely to mean something else in code."""
    return len(name.strip("_").split("_")) > 1


def pascal(name: str) -> str:
    """Converts `fibre_node` to `FibreNode`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def singular(name: str) -> str:
    """The name that an ORM would give to the class of a table's rows."""
    head, joint, last = name.rpartition("_")
    if last in _IRREGULAR:
        return f"{head}{joint}{_IRREGULAR[last]}"
    if name.endswith("ies"):
        return name[:-3] + "y"
    if name.endswith(("sses", "xes", "ches", "shes")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def any_of(names: Iterable[str]) -> str:
    """A pattern that matches any of these names. Longer names are tried first."""
    return "(?:" + "|".join(re.escape(each) for each in sorted(names, key=lambda name: (-len(name), name))) + ")"


def _cased(name: str) -> frozenset[str]:
    big = pascal(name)
    return frozenset({name, big, big[:1].lower() + big[1:]})


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    lower = {each.lower() for each in names}
    return tuple(sorted(lower | {each.replace("_", "") for each in lower}))
