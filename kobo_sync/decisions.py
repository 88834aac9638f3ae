"""People's decisions on pairs: kept for ever, the last one on a pair stands, and every later rebuild respects it."""

from __future__ import annotations

from datetime import UTC, datetime

from kobo_sync.errors import StoreError
from kobo_sync.store import Store


def decide_pair(store: Store, left: str, right: str, verdict: str, by: str, reason: str, now: datetime) -> str:
    """Notes a decision (`same` or `different`) on two records named by the codes that the « Doublons » sheet prints.

    Returns what was decided, `personne` or `événement`. Raises StoreError when a code is not known, or the two
    are not of one kind.
    """
    if not store.stamp():
        raise StoreError("La base ne contient encore rien à décider", "kobo-sync run")
    for kind, table, code, key in (
        ("person_pair", "victims", "victim_code", "record_id"),
        ("event_pair", "events", "case_code", "submission_key"),
    ):
        keys = [
            row[0]
            for wanted in (left, right)
            for row in store.connection.execute(f"SELECT {key} FROM {table} WHERE {code} = ?", (wanted,))
        ]
        if len(keys) == 2 and keys[0] != keys[1]:
            at = now.astimezone(UTC).isoformat(timespec="seconds")
            store.decide(kind, " ".join(sorted(keys)), verdict, by, at, reason)
            return "personne" if kind == "person_pair" else "événement"
    raise StoreError(
        f"« {left} » et « {right} » ne sont pas deux codes de même nature de la base",
        "recopier les deux codes d’une ligne de la feuille « Doublons »",
    )
