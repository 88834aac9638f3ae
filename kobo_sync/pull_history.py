"""The server's own history: who edited, reviewed or deleted, and when. Where it can't be read, that is a fact."""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from itertools import islice

from kobo_sync.errors import NoRoom, ServerError
from kobo_sync.pull_job import Job

_OVERLAP = timedelta(days=2)
"""Read again each time: lines are written late, and clocks differ. What is already kept is kept once."""
_BATCH = 1000


def read_events(job: Job) -> None:
    """Keep what the history says since last time. Nothing is concluded from it: the index is the judge.

    So a history that can't be read fails nothing: it is told, and read again the next time from where it was.
    """
    failed = False
    try:
        _read_events(job)
    except NoRoom:
        raise
    except ServerError as error:
        failed = True
        job.tell(
            f"l’historique du serveur n’a pas pu être lu ({type(error).__name__}) ; les fiches sont reçues ; "
            "il est relu au prochain tirage"
        )
    if failed or job.known_fact("history_failed"):
        with job.store.transaction():
            job.fact("history_failed", "oui" if failed else "non")


def _read_events(job: Job) -> None:
    read_to = job.known_fact("history_read_to")
    since = _minus(read_to) if read_to else None
    events = job.server.events(job.uid, since)
    if events is None:
        job.fact("history", "non")
        return
    lines = iter(events)
    while batch := list(islice(lines, _BATCH)):
        job.room.take(sum(len("".join(astuple(event))) for event in batch))
        with job.store.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO server_event (source, form, witness, action, by_whom, at, detail)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (job.source.name, job.form, event.witness, event.action, event.by_whom, event.at, event.detail)
                    for event in batch
                ],
            )
    with job.store.transaction() as connection:
        oldest = connection.execute(
            "SELECT min(at) FROM server_event WHERE source = ? AND form = ?", (job.source.name, job.form)
        ).fetchone()[0]
        job.fact("history", "oui")
        job.fact("history_since", oldest or "")
        job.fact("history_read_to", job.at)  # only now: a reading cut short is done again from where it began


def _minus(at: str) -> str:
    return (datetime.fromisoformat(at) - _OVERLAP).astimezone(UTC).isoformat(timespec="seconds")
