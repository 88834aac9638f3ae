"""The part of Mongo's query language that Kobo lets through, evaluated on one submission.

Every answer is text, so `{"household/size": 4}` matches nothing where `"4"` does; comparisons hold only
between values of one kind, as in Mongo. Any other operator matches nothing, without an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ORDER = ("$gt", "$gte", "$lt", "$lte")
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_SQL = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


class UnsupportedQuery(Exception):
    """Mongo would refuse this query."""


def matches(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    """Whether a submission satisfies a query; all keys of the query must hold."""
    for key, condition in query.items():
        if key in ("$or", "$and"):
            if not isinstance(condition, list) or not all(isinstance(part, dict) for part in condition):
                raise UnsupportedQuery
            results = (matches(document, part) for part in condition)
            held = any(results) if key == "$or" else all(results)
        elif key == "$expr":
            held = bool(_expression(document, condition))
        else:
            held = _field_holds(list(_values(document, key)), condition)
        if not held:
            return False
    return True


def id_condition(query: Mapping[str, Any]) -> tuple[str, list[Any]] | None:
    """The query as SQL when it speaks of `_id` alone (or of nothing), else None.

    The text is an `AND ...` clause with its parameters; `$in` is one JSON parameter.
    """
    if not query:
        return "", []
    if set(query) != {"_id"}:
        return None
    condition = query["_id"]
    if _is_whole(condition):
        return " AND id = ?", [condition]
    if not isinstance(condition, dict) or not condition:
        return None
    clauses, params = "", []
    for operator, value in condition.items():
        if operator in _SQL and _is_whole(value):
            clauses += f" AND id {_SQL[operator]} ?"
            params.append(value)
        elif operator == "$in" and isinstance(value, list) and all(map(_is_whole, value)):
            clauses += " AND id IN (SELECT value FROM json_each(?))"
            params.append(str(value))
        else:
            return None
    return clauses, params


def sort_key(name: str, document: Mapping[str, Any]) -> tuple[int, Any]:
    """Mongo's order of unlike values: missing first, then numbers, then text."""
    value = next(iter(_values(document, name)), None)
    if isinstance(value, (int, float)):
        return 1, value
    return (0, 0) if value is None else (2, str(value))


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _values(node: object, path: str) -> Iterator[Any]:
    """All values a dotted path leads to; keys of a submission hold `/` and never a dot."""
    if isinstance(node, list):
        for item in node:
            yield from _values(item, path)
    elif isinstance(node, Mapping):
        if path in node:
            yield node[path]
        elif "." in path:
            head, _, tail = path.partition(".")
            if head in node:
                yield from _values(node[head], tail)


def _field_holds(values: list[Any], condition: Any) -> bool:
    if isinstance(condition, dict) and any(key.startswith("$") for key in condition):
        return all(_operator_holds(values, name, wanted, condition) for name, wanted in condition.items())
    return _equals(values, condition)


def _equals(values: list[Any], wanted: Any) -> bool:
    """Mongo equality: null also means absent; a list matches whole or by one of its items."""
    if wanted is None and not values:
        return True
    return any(_same(value, wanted) for value in [*values, *_flat(values)])


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _operator_holds(values: list[Any], name: str, wanted: Any, condition: Mapping[str, Any]) -> bool:
    match name:
        case "$exists":
            return bool(values) is bool(wanted)
        case "$ne":
            return not _equals(values, wanted)
        case "$in" | "$nin" | "$all":
            if not isinstance(wanted, list):
                raise UnsupportedQuery
            if name == "$all":
                return bool(wanted) and all(_equals(values, item) for item in wanted)
            return any(_equals(values, item) for item in wanted) is (name == "$in")
        case "$not":
            if not isinstance(wanted, dict):
                raise UnsupportedQuery
            return not _field_holds(values, wanted)
        case "$gt" | "$gte" | "$lt" | "$lte":
            return any(_compare(value, name, wanted) for value in _flat(values))
        case "$regex":
            pattern = _pattern(wanted, str(condition.get("$options", "")))
            return any(isinstance(value, str) and pattern.search(value) for value in _flat(values))
        case "$options":
            return "$regex" in condition
        case "$elemMatch":
            items = [item for value in values if isinstance(value, list) for item in value]
            return any(_element_holds(item, wanted) for item in items)
    return False


def _element_holds(item: Any, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        raise UnsupportedQuery
    return matches(item, wanted) if isinstance(item, dict) else _field_holds([item], wanted)


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from value
        else:
            yield value


def _compare(value: Any, operator: str, wanted: Any) -> bool:
    numbers = all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (value, wanted))
    if not numbers and not (isinstance(value, str) and isinstance(wanted, str)):
        return False
    return bool(
        value > wanted
        if operator == "$gt"
        else value >= wanted
        if operator == "$gte"
        else value < wanted
        if operator == "$lt"
        else value <= wanted
    )


def _pattern(wanted: Any, options: str) -> re.Pattern[str]:
    flags = re.NOFLAG
    try:
        for letter in options:
            flags |= _FLAGS[letter]
        return re.compile(wanted, flags)
    except (re.error, TypeError, KeyError):
        raise UnsupportedQuery from None


def _expression(document: Mapping[str, Any], node: Any) -> Any:
    """`$expr`: `"$name"` is the value of a field; comparisons and `$ifNull` of such values."""
    if isinstance(node, str) and node.startswith("$"):
        return next(iter(_values(document, node[1:])), None)
    if not isinstance(node, dict) or len(node) != 1:
        return node
    ((operator, arguments),) = node.items()
    parts = [_expression(document, part) for part in arguments] if isinstance(arguments, list) else []
    if operator == "$ifNull" and parts:
        return next((part for part in parts if part is not None), None)
    if operator in ("$and", "$or"):
        return all(parts) if operator == "$and" else any(parts)
    if len(parts) != 2:
        raise UnsupportedQuery
    if operator in _ORDER:
        return _compare(parts[0], operator, parts[1])
    if operator == "$ne":
        return parts[0] != parts[1]
    if operator == "$in" and isinstance(parts[1], list):
        return parts[0] in parts[1]
    raise UnsupportedQuery
