"""A server's answer read whole, and the words of it that a message may repeat: never a token, never a row."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from kobo_sync.terminal import terminal_text

_SHOWN = 300
"""Characters of an error body that a message repeats."""
_ROWS = frozenset({"results", "value", "_id", "__id"})
"""Keys of rows: a body that has one is no error text, and none of it is repeated."""


@dataclass(frozen=True)
class Answer:
    """A response read whole, within bounds. `secrets`: what was sent and must be in no text."""

    url: str
    status: int
    reason: str
    headers: Mapping[str, str]
    content: bytes
    secrets: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The Content-Type without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def loaded(content: bytes) -> Any:
    """The fast reader first. It refuses what json takes (lone surrogates, very deep nesting): json then has its say."""
    try:
        return orjson.loads(content)
    except ValueError:
        return json.loads(content)


def error_text(answer: Answer) -> str:
    """The words of an error body whatever its shape, without our token should the server repeat it."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return heading(answer)
    if isinstance(body, dict) and _ROWS & body.keys():
        return _shown(answer.reason, answer)
    try:
        return _shown(_flat(body), answer)
    except RecursionError:
        return _shown(answer.reason, answer)


def heading(answer: Answer) -> str:
    """The heading of an HTML page; nothing else of a body that is not ours to repeat."""
    text = answer.content[:65536].decode("utf-8", "replace")
    heading = re.search(r"<(title|h1)[^>]*>([^<]*)</\1>", text, re.IGNORECASE)
    return _shown(heading.group(2) if heading else answer.reason, answer)


def fields(answer: Answer) -> frozenset[str]:
    """Keys of a refusal: unlike its words, they are not translated."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(body) if isinstance(body, dict) else frozenset()


def _shown(words: str, answer: Answer) -> str:
    """Words of a server as a message repeats them: few, on one line, nothing secret, nothing that a terminal obeys."""
    return " ".join(terminal_text(hidden(words, answer.secrets)).split())[:_SHOWN]


def _flat(body: Any) -> str:
    if isinstance(body, dict):
        return " ; ".join(
            _flat(value) if key in ("detail", "error") else f"{key} : {_flat(value)}" for key, value in body.items()
        )
    return " ; ".join(map(_flat, body)) if isinstance(body, list) else str(body)


def asked_wait(answer: Answer) -> float | None:
    """Seconds of a Retry-After header, written as a number or as a date."""
    asked = answer.headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    date = http_date(asked)
    return None if date is None else max(0.0, (date - datetime.now(UTC)).total_seconds())


def http_date(text: str) -> datetime | None:
    """An HTTP date."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def hidden(text: str, secrets: tuple[str, ...]) -> str:
    """The text without what was sent in secret."""
    for secret in secrets:
        text = re.sub(re.escape(secret), "…", text, flags=re.IGNORECASE)
    return text
