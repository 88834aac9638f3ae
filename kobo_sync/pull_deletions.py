"""Tombstones, only on proof: an account that sees all, absence in two sweeps, and the server's word for each row."""

from __future__ import annotations

import re
from collections import Counter

from kobo_sync.pull_history import read_events
from kobo_sync.pull_job import Job
from kobo_sync.source import IndexRow
from kobo_sync.store_receive import submission_key, write_deletion

_PLAIN = re.compile(r"[A-Za-z0-9_.@+-]{1,150}")
"""A name as accounts have it. Another one, which a server may give to speak through us, is not written down."""


def delete_missing(job: Job, missing: list[str], present: int) -> None:
    """Note as deleted what is really gone, of `present` rows that the store had.

    A drop of more than max(5, 1 %) waits for a person: it may be a project emptied by mistake, or a wrong form.
    """
    if not missing:
        return
    if not job.server.sees_all_rows(job.uid):
        _tell_fewer_rights(job, len(missing), present)
        return
    if len(missing) > max(5, present // 100) and not job.confirmed:
        job.report.deletions_waiting += len(missing)
        job.tell(
            f"{len(missing)} fiches sur {present} ont disparu du serveur ; elles sont gardées et comptées ; "
            f"d’abord savoir qui les a supprimées ({_who_deleted(job, missing)}) ; "
            "si c’était voulu : kobo-sync run --confirm-deletions"
        )
        return
    absent = set(missing)

    def seen_again(rows: list[IndexRow]) -> None:
        absent.difference_update(row.remote_key for row in rows)

    if not job.server.sweep(job.uid, seen_again).complete:
        return
    gone = [key for key in missing if key in absent and job.server.is_gone(job.uid, key)]
    if not gone:
        return
    # A right taken away meanwhile makes rows look gone as well.
    if not job.server.sees_all_rows(job.uid):
        _tell_fewer_rights(job, len(gone), present)
        return
    account = job.server.whoami()
    named = {"account": account} if _PLAIN.fullmatch(account) else {}
    evidence = {"sweeps": 2, "status": 404, **named, "confirmed": job.confirmed}
    with job.store.transaction():
        for key in gone:
            write_deletion(job.store, submission_key(job.source.name, job.form, key), "deleted", evidence, job.at)
    job.report.deleted += len(gone)


def _tell_fewer_rights(job: Job, missing: int, present: int) -> None:
    job.tell(
        f"{missing} fiches sur {present} ne sont plus montrées, car les droits du compte de {job.source.name} ont "
        "changé pendant le tirage ; rien n’est supprimé ; rendez-lui « voir les soumissions » sur tout le formulaire"
    )


def _who_deleted(job: Job, missing: list[str]) -> str:
    """How many of these rows each account deleted, as the server's history says; it is read here before its turn."""
    read_events(job)
    keys = {submission_key(job.source.name, job.form, key) for key in missing}
    lines = job.store.connection.execute(
        "SELECT DISTINCT w.submission_key, e.by_whom FROM server_event e JOIN witness w ON w.uuid = e.witness"
        " WHERE e.source = ? AND e.form = ? AND e.action = 'deleted'",
        (job.source.name, job.form),
    )
    by_account = Counter(name for key, name in lines if key in keys)
    if not by_account:
        return "l’historique ne le dit pas à ce compte : demandez à qui gère le projet"
    named = Counter[str]()
    for name, count in by_account.items():
        named[f"compte {name}" if _PLAIN.fullmatch(name) and "@" not in name else "un autre compte"] += count
    return "d’après l’historique du serveur : " + ", ".join(f"{name}, {n}" for name, n in named.most_common(5))
