"""`$filter` of OData, on the columns of `__system` and `__id` only, as Central takes it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kobo_sync.demo_server.central.web import Broken, Problem

COLUMNS = {
    "__id": "instance", "__system/submissionDate": "created", "__system/updatedAt": "updated",
    "__system/submitterId": "submitter", "__system/reviewState": "review", "__system/deletedAt": "deleted",
}  # fmt: skip
_TIMES = {"created", "updated", "deleted"}
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<time>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?(?![\dT:.]))"
    r"|(?P<number>-?\d+(?![\d-]))|(?P<word>[$A-Za-z_][\w/$]*)|(?P<sign>[(),]))"
)
_PARTS = ("year", "month", "day", "hour", "minute", "second")
Row = sqlite3.Row
Truth = bool | None
"""None: unknown, as SQL has it where a value is null."""


class Filter:
    """A condition read from its text. `names_deleted`: then rows in the trash come along with the others."""

    def __init__(self, text: str) -> None:
        self._tokens = _split(text)
        self._at = 0
        self.names_deleted = "__system/deletedAt" in text
        self._test = self._either()
        if self._at < len(self._tokens):
            raise _unreadable(self._tokens[self._at][2])

    def matches(self, row: Row) -> bool:
        """Whether a row of the table `submission` is meant."""
        return self._test(row) is True

    def _either(self) -> Callable[[Row], Truth]:
        tests = [self._both()]
        while self._word("or"):
            tests.append(self._both())
        return lambda row: _any(test(row) for test in tests)

    def _both(self) -> Callable[[Row], Truth]:
        tests = [self._one()]
        while self._word("and"):
            tests.append(self._one())

        def every(row: Row) -> Truth:
            found = _any(_negated(test(row)) for test in tests)
            return _negated(found)

        return every

    def _one(self) -> Callable[[Row], Truth]:
        if self._word("not"):
            inner = self._one()
            return lambda row: _negated(inner(row))
        if self._sign("("):
            inner = self._either()
            self._expect(")")
            return inner
        left = self._operand()
        kind, operator, at = self._next()
        if kind != "word" or operator not in ("eq", "ne", "lt", "le", "gt", "ge"):
            if operator in ("add", "sub", "mul", "div", "mod"):
                raise Problem(501.4, f"The given OData filter expression uses features not supported: {operator}")
            raise _unreadable(at)
        right = self._operand()
        return lambda row: _compared(operator, left(row), right(row))

    def _operand(self) -> Callable[[Row], Any]:
        kind, text, at = self._next()
        if kind == "text":
            plain = text[1:-1].replace("''", "'")
            return lambda row: _instant(plain) or plain
        if kind == "time":
            moment = _instant(text)
            if moment is None:
                raise Problem(400.11, f'Invalid input data type: expected "{text}" to be (type timestamp)')
            return lambda row: moment
        if kind == "number":
            return lambda row: int(text)
        if kind != "word":
            raise _unreadable(at)
        if text == "null":
            return lambda row: _NULL
        if self._sign("("):
            return self._function(text)
        column = COLUMNS.get(text)
        if column is None:
            raise Problem(
                501.5,
                f"The given OData filter expression references fields not supported by this server: {text} at {at}",
                {"at": at, "text": text},
            )
        return lambda row: _instant(row[column]) if column in _TIMES and row[column] else row[column]

    def _function(self, name: str) -> Callable[[Row], Any]:
        if name == "now":
            raise Broken
        if name not in _PARTS:
            raise Problem(
                501.4, f"The given OData filter expression uses features not supported by this server: {name}"
            )
        inner = self._operand()
        self._expect(")")
        return lambda row: getattr(inner(row), name, None)

    def _next(self) -> tuple[str, str, int]:
        if self._at >= len(self._tokens):
            raise _unreadable(0)
        self._at += 1
        return self._tokens[self._at - 1]

    def _word(self, word: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at][:2] == ("word", word)
        self._at += found
        return found

    def _sign(self, sign: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at][:2] == ("sign", sign)
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise _unreadable(0)


class _Null:
    """The literal null: `eq null` is true of what is not there."""


_NULL = _Null()


def _split(text: str) -> list[tuple[str, str, int]]:
    tokens, at = [], 0
    text = text.rstrip()
    if not text:
        raise _unreadable(0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _unreadable(at)
        tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        at = found.end()
    return tokens


def _unreadable(at: int) -> Problem:
    reason = f"Unexpected character at {at}"
    return Problem(
        400.18, f"The OData filter expression you provided could not be parsed: {reason}", {"reason": reason}
    )


def _compared(operator: str, left: Any, right: Any) -> Truth:
    if left is _NULL or right is _NULL:
        other = right if left is _NULL else left
        return (other is None) == (operator == "eq") if operator in ("eq", "ne") else None
    if left is None or right is None:
        return None
    try:
        return {
            "eq": left == right, "ne": left != right, "lt": left < right, "le": left <= right, "gt": left > right,
            "ge": left >= right,
        }[operator]  # fmt: skip
    except TypeError:
        raise Problem(400.11, "Invalid input data type") from None


def _any(found: Any) -> Truth:
    values = list(found)
    return True if True in values else None if None in values else False


def _negated(found: Truth) -> Truth:
    return None if found is None else not found


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
