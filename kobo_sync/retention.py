"""What has been kept for as long as config.yaml says: told by `status`, erased only by `kobo-sync erase --due`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from kobo_sync.config import Config
from kobo_sync.erase import Plan, left_aside, unfinished
from kobo_sync.erasure_list import Target
from kobo_sync.form_names import CASE_FORMS
from kobo_sync.store import Store
from kobo_sync.withheld import withheld_line

SUBJECT = "échéance"
_COMMAND = "kobo-sync erase --due --reason … --by …"
_OTHERS = {
    # Also of what never left it: nobody corrected it in all this time, and the server still has it.
    "quarantine": (
        "quarantine_months",
        "raw_json IS NOT NULL AND COALESCE(released_at, entered_at) < ?",
        "fiche(s) mises en quarantaine dont le texte reçu est encore gardé",
    ),
    "server_event": ("events_months", "at < ?", "ligne(s) d’historique des serveurs"),
    "audit": ("audit_months", "at < ?", "ligne(s) du journal des consultations"),
}
"""Table -> (key of config.yaml, what is due of it, in words)."""


def due_plan(store: Store, config: Config, today: date) -> Plan:
    """The cases whose last revision, review and follow-up are all older than `identities_months`.

    The server's own time counts for a first version: an archive that is pulled late is not younger for that.
    """
    followed = ""
    if "followups" in store.derived_tables():
        followed = (
            " UNION ALL SELECT substr(f.target_key, 1, instr(f.target_key || '#', '#') - 1), r.received_at"
            " FROM followups f JOIN revision r ON r.submission_key = f.submission_key WHERE f.target_key IS NOT NULL"
        )
    rows = store.connection.execute(
        "WITH active AS (SELECT submission_key AS key, CASE WHEN revision_no = 1 AND submission_time GLOB '2???-??-??*'"
        " THEN submission_time ELSE received_at END AS at FROM revision"
        f" UNION ALL SELECT submission_key, seen_at FROM validation_state{followed})"
        " SELECT s.submission_key FROM submission s JOIN active ON active.key = s.submission_key"
        f" WHERE s.form IN ({', '.join('?' * len(CASE_FORMS))}) AND NOT COALESCE((SELECT x.row_code IS NULL"
        " FROM suppression x WHERE x.source = s.source AND x.form = s.form AND x.remote_key = s.remote_key"
        " AND (x.row_code IS NULL OR x.row_code = '+') ORDER BY x.id DESC LIMIT 1), 0)"
        " GROUP BY s.submission_key HAVING max(active.at) < ? ORDER BY s.submission_key",
        (*CASE_FORMS, _before(today, config.retention.identities_months)),
    )
    return Plan("retention", SUBJECT, tuple(Target(row[0]) for row in rows))


def due(store: Store, config: Config, today: date) -> list[str]:
    """What is due or waits for somebody, one line each; empty when nothing does."""
    return periods_over(store, config, today) + _waiting(store, config)


def _waiting(store: Store, config: Config) -> list[str]:
    """What erasures left to be done by a person."""
    lines = []
    if unfinished(store):
        lines.append("Un effacement a été interrompu avant la réécriture du fichier : kobo-sync erase --finish")
    if line := withheld_line(store.connection):
        lines.append(line)
    erased = store.connection.execute("SELECT 1 FROM erasure LIMIT 1").fetchone()
    if erased and (aside := [path for path in left_aside(config) if not path.name.endswith(("-wal", "-shm"))]):
        names = ", ".join(path.name for path in aside)
        lines.append(
            f"Mis de côté par une restauration ({config.data_dir}) : {names} ; ce qui a été effacé y est encore : à "
            "supprimer dès que la base restaurée est vérifiée"
        )
    return lines


def periods_over(store: Store, config: Config, today: date) -> list[str]:
    """What has been kept for too long, one line each."""
    lines = []
    if number := len(due_plan(store, config, today).targets):
        lines.append(
            f"{number} cas sans activité depuis {config.retention.identities_months} mois : noms, clés et dates de "
            f"naissance à effacer ({_COMMAND})"
        )
    for table, (key, where, words) in _OTHERS.items():
        months = getattr(config.retention, key)
        number = store.connection.execute(
            f"SELECT count(*) FROM {table} WHERE {where}", (_before(today, months),)
        ).fetchone()[0]
        if number:
            lines.append(f"{number} {words}, de plus de {months} mois ({_COMMAND})")
    return lines


def drop_others(store: Store, config: Config, today: date) -> int:
    """Beside the cases: drop what is due of quarantine texts, server history and audit. How many rows."""
    dropped = 0
    with store.transaction() as connection:
        for table, (key, where, _) in _OTHERS.items():
            what = "UPDATE quarantine SET raw_json = NULL" if table == "quarantine" else f"DELETE FROM {table}"
            limit = _before(today, getattr(config.retention, key))
            dropped += connection.execute(f"{what} WHERE {where}", (limit,)).rowcount
    return dropped


def _before(today: date, months: int) -> str:
    """The instant so many months before today, as the store writes instants."""
    month = today.year * 12 + today.month - 1 - months
    year, month = divmod(month, 12)
    last = 28 if month == 1 else 30
    day = date(max(year, 1), month + 1, min(today.day, last))
    return datetime.combine(day, time(), UTC).isoformat(timespec="seconds")
