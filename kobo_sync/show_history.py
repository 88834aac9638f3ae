"""Everything that happened to a submission, in order: what came, who changed what, who said what of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from kobo_sync.case_words import MASK, Place, answer, asked, flat, order, plain, question, row_title
from kobo_sync.erasure_list import ERASED_RECORD, witnesses
from kobo_sync.store import Store
from transforms.withdrawals import KIND as WITHDRAWAL

REVIEWS = {
    "validation_status_approved": "approuvée",
    "validation_status_not_approved": "non approuvée",
    "validation_status_on_hold": "mise en attente",
}
_SAID = {"Approved": "approuvée", "Not Approved": "non approuvée", "On Hold": "mise en attente"}
"""The same in the words of a server's history."""
_NEAR = timedelta(minutes=2)
"""How far a server's clock may be from ours when an edit is told apart from the next."""
_ACTIONS = {
    "added": "fiche envoyée", "edited": "fiche modifiée", "reviewed": "revue", "deleted": "fiche supprimée",
    "restored": "fiche rétablie",
}  # fmt: skip


@dataclass
class Happening:
    """Something that happened at an instant; `details` are what changed, line by line."""

    at: str
    text: str
    details: list[str] = field(default_factory=list)


def moment(at: str | None, zone: ZoneInfo) -> str:
    """An instant as people of the country read it."""
    instant = _instant(at)
    return f"{instant.astimezone(zone):%d/%m/%Y %H:%M}" if instant else "date inconnue"


def history(
    store: Store, key: str, providers: Mapping[str, str], zone: ZoneInfo, *, reveal: bool = False
) -> list[Happening]:
    """All that the store knows of a submission, oldest first."""
    found = [
        *_revisions(store, key, providers, reveal),
        *_reviews(store, key, zone),
        *_deletions(store, key),
        *_on_the_server(store, key),
        *_quarantine(store, key),
        *_decisions(store, key),
        *_ledgers(store, key),
        *_erasures(store, key),
    ]
    return sorted(found, key=lambda item: _comparable(item.at))  # stable: of one instant, in the order above


def changes(
    form: str, old: Mapping[Place, object], new: Mapping[Place, object], providers: Mapping[str, str], *, reveal: bool
) -> list[str]:
    """What differs between two revisions, a line each. Rows are the same by their code, wherever they stand."""
    lines = []
    rows = {place: place.question == "" for place in {*old, *new}}
    for place in sorted({*old, *new}, key=lambda place: order(form, place)):
        whole = Place(place.repeat, place.row, "")
        if rows[place]:
            if (place in old) is not (place in new):
                lines.append(f"{row_title(place)} : ligne {'ajoutée' if place in new else 'supprimée'}")
            continue
        if (place.row and (whole in old) is not (whole in new)) or old.get(place) == new.get(place):
            continue
        if not asked(form, place):
            continue
        where = f"{row_title(place)} · " if place.row else ""
        before, after = (
            answer(form, place, side[place], providers, reveal=reveal) if place in side else "(vide)"
            for side in (old, new)
        )
        what = "modifié" if MASK in (before, after) else f"{before} → {after}"
        lines.append(f"{where}{question(form, place.question)} : {what}")
    return lines


def _revisions(store: Store, key: str, providers: Mapping[str, str], reveal: bool) -> list[Happening]:
    found: list[Happening] = []
    form = key.split("/")[1]
    before: dict[Place, object] | None = None
    last = text_before = ""
    for number, at, by, text in store.connection.execute(
        "SELECT revision_no, received_at, submitted_by, raw_json FROM revision"
        " WHERE submission_key = ? ORDER BY revision_no",
        (key,),
    ):
        now = flat(form, json.loads(text))
        if before is None:
            found.append(Happening(at, f"reçue pour la première fois, envoyée par {plain(by) or 'compte inconnu'}"))
        else:
            who = _editors(store, key, last, at)
            by_whom = f", modifiée par {' et '.join(who)}" if who else ""
            details = changes(form, before, now, providers, reveal=reveal)
            if not details:
                same = text == text_before
                details = [
                    "aucune réponse changée" if same else "ce que la fiche calcule ou le serveur ajoute : modifié"
                ]
            found.append(Happening(at, f"version {number} reçue{by_whom}", details))
        before, last, text_before = now, at, text
    return found


def _editors(store: Store, key: str, since: str, until: str) -> list[str]:
    """Who edited it on the server between two receptions, where its history can be read."""
    first, last = _instant(since), _instant(until)
    if not first or not last:
        return []
    edits = [(by, _instant(at)) for action, by, at, _ in _events(store, key) if action == "edited"]
    return sorted({plain(by) for by, at in edits if at and first - _NEAR <= at <= last + _NEAR})


def _events(store: Store, key: str) -> list[tuple[str, str, str, str]]:
    """What the server's history says of a submission: (action, by, at, detail), oldest first."""
    source, form = key.split("/")[:2]
    known = sorted(witnesses(store.connection, key))
    rows = store.connection.execute(
        "SELECT DISTINCT action, by_whom, at, detail FROM server_event WHERE source = ? AND form = ?"
        f" AND witness IN ({', '.join('?' * len(known))}) ORDER BY at",
        (source, form, *known),
    )
    return [tuple(row) for row in rows]


def _reviews(store: Store, key: str, zone: ZoneInfo) -> list[Happening]:
    versions = dict(
        store.connection.execute("SELECT instance_uuid, revision_no FROM revision WHERE submission_key = ?", (key,))
    )
    found = []
    for uid, by, at, uuid, seen in store.connection.execute(
        "SELECT uid, by_whom, at, instance_uuid, seen_at FROM validation_state WHERE submission_key = ? ORDER BY id",
        (key,),
    ):
        who = f" par {plain(by)}" if by else ""
        on = f", sur la version {versions[uuid]}" if uuid in versions else ", version non connue"
        if uid:
            given = f", donnée le {moment(at, zone)}" if at else ""
            found.append(Happening(seen, f"revue : {REVIEWS.get(uid, plain(uid))}{who}{given}{on}"))
        else:
            found.append(Happening(seen, f"revue retirée{who}"))
    return found


def _deletions(store: Store, key: str) -> list[Happening]:
    found = []
    for kind, seen, evidence in store.connection.execute(
        "SELECT kind, seen_at, evidence FROM deletion WHERE submission_key = ? ORDER BY id", (key,)
    ):
        if kind == "reappeared":
            found.append(Happening(seen, "revenue sur le serveur"))
            continue
        try:
            proof = json.loads(evidence)
        except ValueError:
            proof = {}
        told = [
            f"absente de {proof['sweeps']} lectures de l’index" if "sweeps" in proof else "",
            f"le serveur répond {proof['status']}" if "status" in proof else "",
            f"compte {plain(proof['account'])}" if "account" in proof else "",
            "baisse confirmée par une personne" if proof.get("confirmed") else "",
        ]
        found.append(Happening(seen, f"supprimée du serveur ({', '.join(filter(None, told)) or 'sans preuve notée'})"))
    return found


def _on_the_server(store: Store, key: str) -> list[Happening]:
    return [
        Happening(
            at,
            f"sur le serveur : {_ACTIONS.get(action, plain(action))} par {plain(by) or 'compte inconnu'}"
            + (f" ({_SAID.get(detail, REVIEWS.get(detail, plain(detail)))})" if detail else ""),
        )
        for action, by, at, detail in _events(store, key)
    ]


def _quarantine(store: Store, key: str) -> list[Happening]:
    found = []
    for message, entered, released in store.connection.execute(
        "SELECT message, entered_at, released_at FROM quarantine WHERE submission_key = ? ORDER BY id", (key,)
    ):
        found.append(Happening(entered, f"mise en quarantaine : {plain(message)}"))
        if released:
            found.append(Happening(released, "sortie de quarantaine"))
    return found


def _decisions(store: Store, key: str) -> list[Happening]:
    codes: set[str] = set()
    if "victims" in store.derived_tables():
        for column, table in (("case_code", "events"), ("victim_code", "victims"), ("migrant_code", "migrant_details")):
            rows = store.connection.execute(f"SELECT {column} FROM {table} WHERE submission_key = ?", (key,))
            codes |= {row[0] for row in rows if row[0]}
    found = []
    for kind, subject, value, by, at, reason in store.connection.execute(
        "SELECT kind, subject, value, by_whom, at, reason FROM decision WHERE kind <> ? ORDER BY id", (ERASED_RECORD,)
    ):
        parts = subject.split(" ")
        if not any(part in codes or part.partition("#")[0] == key for part in parts):
            continue
        verdict = {"same": "la même", "different": "pas la même"}.get(value, plain(value))
        what = {
            "person_pair": f"personnes {' et '.join(parts)} : {verdict}",
            "event_pair": f"cas {' et '.join(parts)} : {verdict}",
            WITHDRAWAL: f"retrait du consentement de {subject} : {verdict}",
        }.get(kind, f"{plain(kind)} de {subject} : {verdict}")
        told = f" ({plain(reason)})" if reason and kind != WITHDRAWAL else ""
        found.append(Happening(at, f"décision de {plain(by)} : {what}{told}"))
    return found


def _ledgers(store: Store, key: str) -> list[Happening]:
    """Which records it was put together with, or taken from; the numbers given meanwhile say nothing to people."""
    found = []
    own = (key, len(key) + 1, f"{key}#")
    for name, what, same in (("person", "personne", "la même personne que"), ("event", "cas", "le même cas que")):
        mine = f"SELECT subject_id FROM {name}_ledger WHERE member_key = ? OR substr(member_key, 1, ?) = ?"
        subjects = {row[0] for row in store.connection.execute(mine, own)}
        for number, at, action, subject, member, other in store.connection.execute(
            f"SELECT id, at, action, subject_id, member_key, other_id FROM {name}_ledger"
            " WHERE action IN ('merge', 'join', 'split') ORDER BY id"
        ):
            ours = member is not None and member.partition("#")[0] == key
            if not (ours or (action == "merge" and other in subjects) or (action == "join" and subject in subjects)):
                continue
            who = f"{what} {member.partition('#')[2]}".strip() if ours else what
            if action == "join" and not ours:
                others = _record(member)
            else:
                others = _members(store, name, other if action == "split" else subject, number, key)
            if others:
                verb = "n’est plus" if action == "split" else "reconnu comme" if name == "event" else "reconnue comme"
                found.append(Happening(at, f"{who} : {verb} {same} {others}"))
    return found


def _record(member: str) -> str:
    key, _, code = member.partition("#")
    return f"{code} ({key})" if code else f"la fiche {key}"


def _members(store: Store, name: str, subject: str | None, before: int, but: str) -> str:
    """The other records that a number was given to until then, as people know them; empty when there are none."""
    rows = store.connection.execute(
        f"SELECT DISTINCT member_key FROM {name}_ledger WHERE subject_id = ? AND id < ? AND member_key IS NOT NULL",
        (subject, before),
    ).fetchall()
    told = sorted(_record(member) for (member,) in rows if member.partition("#")[0] != but)
    return ", ".join(told[:3]) + (" …" if len(told) > 3 else "")


def _erasures(store: Store, key: str) -> list[Happening]:
    source, form, remote_key = key.split("/", 2)
    rows = store.connection.execute(
        "SELECT DISTINCT e.at, e.by_whom, e.reason, s.row_code FROM suppression s JOIN erasure e ON e.id = s.erasure_id"
        " WHERE s.source = ? AND s.form = ? AND s.remote_key = ? AND COALESCE(substr(s.row_code, 1, 1), '') <> '='"
        " ORDER BY e.id",
        (source, form, remote_key),
    )
    return [
        Happening(
            at,
            f"effacement levé ({code.lstrip('+-') or 'toute la fiche'}) par {plain(by)} : {plain(reason)}"
            if code and code.startswith("+")
            else f"identité effacée ({code or 'toute la fiche'}) par {plain(by)} : {plain(reason)}",
        )
        for at, by, reason, code in rows
    ]


def _comparable(at: str) -> str:
    instant = _instant(at)
    return instant.isoformat() if instant else at


def _instant(at: str | None) -> datetime | None:
    """An instant in UTC; None for a text that is none."""
    try:
        instant = datetime.fromisoformat(at or "")
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
