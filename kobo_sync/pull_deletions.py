"""Tombstones, only on proof: an account that sees all, absence in two sweeps, and the server's word for each row."""

from __future__ import annotations

from kobo_sync.pull_job import Job
from kobo_sync.source import IndexRow
from kobo_sync.store_receive import submission_key, write_deletion


def delete_missing(job: Job, missing: list[str], present: int) -> None:
    """Note as deleted what is really gone, of `present` rows that the store had.

    A drop of more than max(5, 1 %) waits for a person: it may be a project emptied by mistake, or a wrong form.
    """
    if not missing:
        return
    if len(missing) > max(5, present // 100) and not job.confirmed:
        job.report.deletions_waiting += len(missing)
        job.tell(
            f"{len(missing)} fiches sur {present} ont disparu du serveur ; elles sont gardées et "
            "comptées ; si la suppression est voulue : kobo-sync run --confirm-deletions"
        )
        return
    absent = set(missing)

    def seen_again(rows: list[IndexRow]) -> None:
        absent.difference_update(row.remote_key for row in rows)

    if not job.server.sweep(job.uid, seen_again).complete:
        return
    gone = [key for key in missing if key in absent and job.server.is_gone(job.uid, key)]
    # A right taken away meanwhile makes rows look gone as well.
    if not gone or not job.server.sees_all_rows(job.uid):
        return
    evidence = {"sweeps": 2, "status": 404, "account": job.server.whoami(), "confirmed": job.confirmed}
    with job.store.transaction():
        for key in gone:
            write_deletion(job.store, submission_key(job.source.name, job.form, key), "deleted", evidence, job.at)
    job.report.deleted += len(gone)
