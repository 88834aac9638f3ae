"""What one source offers: reached, who we are, what we may see, its pages, its history, its clock."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from kobo_sync.config import SourceConfig
from kobo_sync.doctor import Finding, bad, good, number, warn
from kobo_sync.errors import ServerError
from kobo_sync.open_source import open_source
from kobo_sync.source import IndexRow, Source

_SKEW = 120.0
"""Seconds. More, and the times of reception and the certificates' dates can't be trusted."""
_WORST_SKEW = 3600.0
_PATIENCE: dict[str, Any] = {"retries": 1, "timeout": (10.0, 60.0)}
"""Somebody waits for the answer: less of it than a night has."""
_EVENTS = 2000
"""Lines of history read at most: enough to say how far back it goes."""


class _Enough(Exception):
    """The first page of an index has come: the rest is the night's business."""


def examine_source(source: SourceConfig) -> Iterator[Finding]:
    """Every check of one source."""
    token = source.read_token()
    with open_source(source, token, **_PATIENCE) as opened:
        begun = time.monotonic()
        me = opened.whoami()
        yield good(source.name, f"{source.url} répond en {(time.monotonic() - begun) * 1000:.0f} ms, compte {me}")
        yield from _clock(source.name, opened)
        deployed = [(form, uid) for form, uid in source.forms.items() if uid]
        missing = [form for form, uid in source.forms.items() if not uid]
        if missing:
            yield warn(source.name, f"pas encore déployé : {', '.join(missing)}", "kobo-sync forms deploy")
        if not deployed:
            yield bad(source.name, "aucun formulaire à tirer", "donnez leurs identifiants dans sources.forms")
        for form, uid in deployed:
            try:
                yield from _form(f"{source.name} · {form}", opened, str(uid))
            except ServerError as error:
                yield bad(f"{source.name} · {form}", error.message, error.remedy)


def _clock(subject: str, source: Source) -> Iterator[Finding]:
    times = _server_time(source)
    if times is None:
        yield warn(subject, "le serveur ne dit pas l’heure", "vérifiez l’horloge de cette machine")
        return
    skew = (times[1] - times[0]).total_seconds()
    if abs(skew) <= _SKEW:
        yield good(subject, "horloge d’accord avec celle du serveur")
        return
    said = f"cette machine {'avance' if skew > 0 else 'retarde'} de {abs(skew) / 60:.0f} min sur le serveur"
    remedy = "réglez l’heure par le réseau (Linux : timedatectl set-ntp true ; Windows : w32tm /resync)"
    yield bad(subject, said, remedy) if abs(skew) > _WORST_SKEW else warn(subject, said, remedy)


def _server_time(source: Source) -> tuple[datetime, datetime] | None:
    """(its time, ours when it came): the connection under the client keeps it."""
    connection = getattr(getattr(source, "client", None), "_http", None)
    return getattr(connection, "server_time", None)


def _form(subject: str, source: Source, uid: str) -> Iterator[Finding]:
    if source.sees_all_rows(uid):
        yield good(subject, "toutes les fiches sont visibles")
    else:
        yield warn(
            subject,
            "ce compte ne voit pas toutes les fiches : aucune suppression ne peut être constatée",
            "donnez-lui « voir les soumissions » sur tout le formulaire",
        )
    rows, page = _first_page(source, uid)
    if page is None:
        yield good(subject, f"page réellement servie : {number(len(rows))} fiches, les suivantes sont lues après elle")
    elif page >= len(rows):
        yield good(subject, f"{number(len(rows))} fiche(s), lues en une page")
    else:
        yield good(subject, f"{number(len(rows))} fiche(s), page réellement servie : {number(page)} fiches")
    if rows:
        offered = any(row.modified for row in rows)
        yield good(subject, f"date de modification {'offerte' if offered else 'non offerte : l’index la remplace'}")
    yield from _history(subject, source, uid)


def _first_page(source: Source, uid: str) -> tuple[list[IndexRow], int | None]:
    """The first rows handed over, and the largest page served; None where rows came after those, and are not read."""
    first: list[IndexRow] = []

    def take(rows: Sequence[IndexRow]) -> None:
        if first and rows:
            raise _Enough
        first.extend(rows)

    try:
        return first, source.sweep(uid, take).page
    except _Enough:
        return first, None


def _history(subject: str, source: Source, uid: str) -> Iterator[Finding]:
    events = source.events(uid, None)
    if events is None:
        yield warn(
            subject,
            "historique non lisible : qui a modifié ou supprimé ne sera pas su",
            "donnez au compte « gérer le projet » (Kobo) ou un rôle sur tout le serveur (Central), si vous le voulez",
        )
        return
    read = list(islice(events, _EVENTS))
    if not read:
        yield good(subject, "historique lisible, encore vide")
        return
    day = min(event.at for event in read)[:10]
    yield good(subject, f"historique lisible, {'au moins ' if len(read) == _EVENTS else ''}depuis le {day}")
