"""Erasing a person or a case at their request: what is meant, what it empties, and what remains to do elsewhere.

The store is emptied in one transaction (`erasure_list`); then its file is written anew, the list copied for restores
and the tables rebuilt. Killed in between, `kobo-sync erase --finish` does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from kobo_sync import audit
from kobo_sync.config import Config, SourceConfig
from kobo_sync.erasure_list import (
    Emptied,
    Erasure,
    Target,
    erase_targets,
    export_erasures,
    last_erasure,
    lift_erasures,
    replay_erasures,
    scrub,
)
from kobo_sync.errors import StoreError
from kobo_sync.find_case import find
from kobo_sync.rebuild import rebuild
from kobo_sync.store import Store
from transforms.ledger import replay

Step = Callable[[str], None]

__all__ = [
    "Plan", "Step", "erase", "export_erasures", "finish", "left_aside", "lift", "periods_sent", "plan", "rehearse",
    "replay_erasures",
    "server_steps", "unfinished",
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What an erasure is about: kind `person`, `case` or `retention`."""

    kind: str
    subject: str
    targets: tuple[Target, ...]


class _Undo(Exception):
    """Ends the transaction of a rehearsal."""


def plan(store: Store, subject: str, *, only: bool = False) -> Plan:
    """The submissions and rows meant by a case code, a row's code, a key or a person's identifier.

    A person's other records, known by linkage, are in it unless `only`. Raises StoreError for an unknown subject.
    """
    state = replay(store.ledger("person"))
    if subject in state.members:
        return Plan("person", subject, _records(state.members[subject]))
    found = find(store, subject)
    if found.row is None:
        return Plan("case", found.subject, tuple(Target(key) for key in found.keys))
    persons = state.assignment
    mine = {record for record in persons if record.partition("#")[0] in found.keys and record.endswith(f"-{found.row}")}
    linked = {other for record in mine for other in state.members[persons[record]]}
    code = found.subject.rpartition("#")[2]  # of rows that no rebuild has seen: in quarantine, or deleted before it
    records = {f"{key}#{code}" for key in found.keys if not any(r.startswith(f"{key}#") for r in mine)}
    return Plan("person", found.subject, _records(records | mine | (set() if only else linked)))


def rehearse(store: Store, plan: Plan) -> Emptied:
    """What the erasure would empty, in numbers: it is done, counted and undone."""
    emptied = Emptied()
    try:
        with store.transaction():
            emptied = erase_targets(store, Erasure("", "", "", plan.kind, plan.subject), plan.targets)
            raise _Undo
    except _Undo:
        return emptied


def erase(
    store: Store, config: Config, plan: Plan, *, by: str, reason: str, now: datetime, step: Step = lambda _: None
) -> Emptied:
    """Erase for good, and bring all that was derived level with it."""
    step("Effacement")
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    with store.transaction():
        emptied = erase_targets(store, Erasure(at, by, reason, plan.kind, plan.subject), plan.targets)
        audit.note(store, "erase", plan.subject, reason, now)
    finish(store, config, now=now, step=step)
    return emptied


def finish(store: Store, config: Config, *, now: datetime, step: Step = lambda _: None) -> None:
    """What follows the transaction; again as often as it is killed."""
    step("Réécriture du fichier de la base")
    scrub(store)
    _copy_list(store, config)
    step("Recalcul des tables")
    rebuild(store, config, now=now)
    audit.note(store, "scrub", last_erasure(store), "", now)


def unfinished(store: Store) -> bool:
    """Whether the last erasure was killed before its file was written anew."""
    last = last_erasure(store)
    done = store.connection.execute("SELECT 1 FROM audit WHERE action = 'scrub' AND subject = ?", (last,)).fetchone()
    return last != "0" and done is None


def lift(store: Store, config: Config, subject: str, *, by: str, reason: str, now: datetime) -> int:
    """From now on, what is received of this case or of this person's code is kept: how many submissions are meant.

    What was emptied stays empty, and must be sent again. Raises StoreError where no erasure bears on it.
    """
    found = find(store, subject)
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    erasure = Erasure(at, by, f"levée : {reason}", "person" if found.row else "case", found.subject)
    with store.transaction():
        lifted = lift_erasures(store, erasure, found.keys, found.row)
        if not lifted:
            raise StoreError(
                f"Aucun effacement ne porte sur « {subject} » : rien à lever",
                "kobo-sync show CODE --history les montre",
            )
        audit.note(store, "lift", found.subject, reason, now)
    _copy_list(store, config)
    return lifted


def left_aside(config: Config) -> list[Path]:
    """Former stores that a restore put aside, and their files: an erasure does not reach them."""
    return sorted(config.data_dir.glob("*-avant-restauration-*"))


def server_steps(store: Store, config: Config, targets: Iterable[Target]) -> list[str]:
    """What the operator must delete or empty on the servers, one line a submission: they keep their own copy."""
    known = {source.name: source for source in config.sources}
    lines = []
    for key, code in sorted({(target.submission_key, target.row_code or "") for target in targets}):
        source, form, remote_key, gone = store.connection.execute(
            "SELECT source, form, remote_key, (SELECT kind FROM deletion d WHERE d.submission_key = s.submission_key"
            " ORDER BY id DESC LIMIT 1) FROM submission s WHERE submission_key = ?",
            (key,),
        ).fetchone()
        if gone == "deleted":
            continue
        what = f"vider les réponses de {code}" if code else "supprimer la fiche"
        where = _where_it_is(known.get(source), form, remote_key)
        lines.append(f"{source} · {form} · fiche {remote_key} : {what} ({where})")
    return lines


def _where_it_is(source: SourceConfig | None, form: str, remote_key: str) -> str:
    """How to find a submission: Kobo gives none an address of its own, Central gives one to each."""
    if source is None:
        return "cette source n’est plus dans config.yaml"
    uid = source.forms.get(form) or ""
    if source.kind == "central":
        return f"{source.url}/#/projects/{source.project}/forms/{quote(uid)}/submissions/{quote(remote_key)}"
    return f"{source.url}/#/forms/{uid}/data/table ; filtrer la colonne _id sur {remote_key}"


def periods_sent(store: Store, targets: Iterable[Target]) -> list[str]:
    """The quarters whose outputs counted these submissions: files already sent hold what they held."""
    if "events" not in store.derived_tables():
        return []
    found: set[str] = set()
    for key in {target.submission_key for target in targets}:
        for table in ("events", "victims"):
            rows = store.connection.execute(f"SELECT DISTINCT quarter FROM {table} WHERE submission_key = ?", (key,))
            found |= {row[0] for row in rows if row[0]}
    return sorted(found)


def _records(members: Iterable[str]) -> tuple[Target, ...]:
    return tuple(Target(key, code) for key, _, code in (member.partition("#") for member in sorted(set(members))))


def _copy_list(store: Store, config: Config) -> None:
    """Beside the store and beside the backups: an older backup is emptied by the list when it is restored.

    Copies that an upgrade left under the same key would keep the names: they go.
    """
    from kobo_sync.backup import ERASURES, backup_folder, complete_list  # it imports this module
    from kobo_sync.backup_copy import purge_schema_copies

    lines = export_erasures(store)
    for folder in {config.data_dir, backup_folder(config)}:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        complete_list(folder / ERASURES, lines)
    purge_schema_copies(config.store_path)
