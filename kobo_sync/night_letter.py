"""What the data manager is told after a night, and when: news, a reminder each week, and that it is well again.

Numbers, words of this program and commands; never a name, an answer or what a server said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from kobo_sync.health import Failure, Notice, safe, when

_FAILURE = "échec|"
"""How the key of a failure begins."""
_COUNTS = (
    ("received", "fiches sur les serveurs"),
    ("new", "nouvelles"),
    ("changed", "modifiées"),
    ("deleted", "supprimées"),
    ("quarantined", "en quarantaine"),
    ("written", "classeurs écrits"),
)


@dataclass(frozen=True)
class Item:
    """One thing that needs somebody. `key`: the same thing from one night to the next. `number`: how many.

    `failed`: it is a failure of the night, and no work that waits. `once`: it is said, and then it is over.
    """

    key: str
    words: str
    number: int = 1
    failed: bool = False
    once: bool = False

    def is_news(self, told: int | None) -> bool:
        """Whether the reader does not know it, or knows of a tenth less: a mail a night for one more is not read."""
        return told is None or self.number - told >= max(1, told // 10)


@dataclass(frozen=True)
class Letter:
    """A mail to send."""

    subject: str
    text: str


@dataclass
class Told:
    """What was told, as the health file keeps it: the number of each key, and when the last mail left."""

    items: dict[str, int] = field(default_factory=dict)
    sent_at: datetime | None = None

    @classmethod
    def read(cls, state: Any) -> Told:
        """From the health file, whatever is in it."""
        state = state if isinstance(state, dict) else {}
        told = state.get("told")
        items = {str(k): v for k, v in told.items() if type(v) is int} if isinstance(told, dict) else {}
        return cls(items, when(state, "sent_at"))

    def after(self, items: Sequence[Item], sent: bool) -> dict[str, int]:
        """What is known to the reader after this night: a thing that went away will be news if it comes back.

        A night that failed does not see all that waits: what it does not name may still be there, and stays known.
        """
        seen = {item.key: item.number for item in items if not item.once}
        failed = any(item.failed for item in items)
        unseen = {k: n for k, n in self.items.items() if failed and k not in seen and not k.startswith(_FAILURE)}
        known = {key: min(seen[key], number) for key, number in self.items.items() if key in seen}
        return unseen | (seen if sent else known)


def letter(
    told: Told, items: Sequence[Item], counts: dict[str, int], night: date, now: datetime, remind_days: int
) -> Letter | None:
    """The mail that this night calls for, None when there is nothing to say."""
    if not items:
        return _well_again(night) if told.items else None
    fresh = [item for item in items if item.is_news(told.items.get(item.key))]
    # Days of the calendar: nights are not always exactly a day apart.
    reminder = told.sent_at is None or (now.date() - told.sent_at.astimezone(now.tzinfo).date()).days >= remind_days
    if not fresh and not reminder:
        return None
    what = f"la nuit du {night:%d/%m/%Y} demande votre attention"
    subject = f"ANLTP : {what if fresh else 'rappel, ' + what} ({_how_many(items)})"
    parts = ["Bonjour,", f"{what[0].upper()}{what[1:]}."]
    for title, failed in (("Ce qui a échoué", True), ("Ce qui attend une personne", False)):
        if lines := [_line(item, item in fresh) for item in items if item.failed is failed]:
            parts.append("\n".join([f"{title} :", *lines]))
    if counts:
        parts.append("Cette nuit : " + ", ".join(f"{counts.get(name, 0)} {words}" for name, words in _COUNTS) + ".")
    return Letter(subject, "\n\n".join([*parts, _END]))


def items_of(failures: Sequence[Failure], notices: Sequence[Notice], said_once: Sequence[str] = ()) -> list[Item]:
    """The items of a night, each once. `said_once`: what this run, or one before it, said and no mail told."""
    failed = [Item(f"{_FAILURE}{one.where}|{one.kind}", safe(one.words), failed=True) for one in failures]
    waiting = [Item(f"{one.where}|{safe(one.code)}", safe(one.words), one.count) for one in notices if not one.once]
    lines = [*said_once, *(safe(one.words) for one in notices if one.once)]
    return list(dict.fromkeys([*failed, *waiting, *(Item(line, line, once=True) for line in lines)]))


def _line(item: Item, fresh: bool) -> str:
    return f"  - {item.words}{' [nouveau]' if fresh else ''}"


def _how_many(items: Sequence[Item]) -> str:
    failed, waiting = sum(item.failed for item in items), sum(not item.failed for item in items)
    said = [f"{failed} problème{'s' * (failed > 1)}"] if failed else []
    return ", ".join(said + ([f"{waiting} point{'s' * (waiting > 1)} en attente"] if waiting else []))


def _well_again(night: date) -> Letter:
    return Letter(
        f"ANLTP : la nuit du {night:%d/%m/%Y} s’est bien passée, plus rien n’attend",
        f"Bonjour,\n\nCe qui était signalé est réglé.\n\n{_END}",
    )


_END = (
    "Pour voir : kobo-sync health, kobo-sync status. Marche à suivre : docs/exploitation.md.\n"
    "Ce message part seulement s’il y a du nouveau, puis une fois par semaine tant que quelque chose attend.\n"
    "Il ne contient aucune donnée sur une personne ; n’en mettez pas non plus dans une réponse.\n"
)
