"""A number is asserted before it is published. If one fails, the last good output stays."""

from __future__ import annotations

from transforms.bundle import Bundle, Cell, StatTable
from transforms.errors import TransformError


class PublicationError(TransformError):
    """The figures contradict each other: nothing is written, the message says which."""


def _total(table: StatTable, row: int = -1) -> int:
    return sum(value for value in _numbers(table.rows[row][1][: len(table.columns) - table.total_column]))


def _numbers(cells: tuple[Cell, ...]) -> list[int]:
    return [int(cell) for cell in cells if isinstance(cell, (int, float))]


def assert_publishable(bundle: Bundle) -> None:
    """Checks of one period's bundle, each with its reason.

    Raises PublicationError with every contradiction found.
    """
    found: list[str] = []
    by_number = {table.number: table for table in bundle.tables}
    for table in bundle.tables:
        if any(number < 0 for _, cells in table.rows for number in _numbers(cells)):
            found.append(f"tableau {table.number} : une valeur est négative")
        if table.total_row and len(table.rows) > 1:
            # Margins come from the same rows by another path: a code printed nowhere would show here.
            # An indented line (« dont ») is within the one above it.
            lines = [_numbers(cells)[-1:] for at, (_, cells) in enumerate(table.rows) if at not in table.indent]
            if table.total_column and sum(n[0] for n in lines[:-1] if n) != sum(lines[-1]):
                found.append(f"tableau {table.number} : les lignes ne font pas le total")
    identified = {number: _total(by_number[number]) for number in ("3", "4", "5", "6") if number in by_number}
    if len(set(identified.values())) > 1:
        # One population, several crossings: every table of it must have one total.
        found.append(f"victimes identifiées : les tableaux ne disent pas le même total ({identified})")
    # A person counted once can't outnumber the rows received in the period.
    if identified and max(identified.values()) > len(bundle.victims):
        found.append("plus de victimes identifiées que de lignes de victimes")
    if found:
        raise PublicationError(f"{bundle.period.label} n’est pas publié : {' ; '.join(found)}.")
