"""Pull: the server's index is compared with the store, and only what is new or changed is fetched whole.

An edit keeps a row's `_id` and time and changes its `_uuid`; a review changes neither; a deletion leaves nothing. So
the whole index is read each time, and a row is called deleted only on proof: see `_deletions`. Every batch is one
transaction: a pull that is killed is run again, and nothing is lost or doubled.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kobo_sync.client import KoboClient, Sweep
from kobo_sync.config import SourceConfig
from kobo_sync.form_names import FORMS
from kobo_sync.received_rows import Refused, read_index, read_row
from kobo_sync.store import Store
from kobo_sync.store_receive import Known, known, submission_key, write_deletion, write_review, write_row

Progress = Callable[[str, int, int], None]
"""Told (what is under way, done, total)."""


@dataclass
class PullReport:
    """What one pull of a source did, in rows. `warnings`: what a person should know, in French, without answers.

    `received`: rows on the server's index. `deletions_waiting`: rows that vanished and are kept until confirmed.
    """

    received: int = 0
    new: int = 0
    changed: int = 0
    status_changed: int = 0
    deleted: int = 0
    reappeared: int = 0
    quarantined: int = 0
    deletions_waiting: int = 0
    fetched_bodies: int = 0
    requests: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass
class _Pull:
    """One form's pull."""

    source: SourceConfig
    form: str
    uid: str
    store: Store
    client: KoboClient
    at: str
    confirmed: bool
    progress: Progress
    report: PullReport


def pull(
    source: SourceConfig,
    store: Store,
    client: KoboClient,
    *,
    now: datetime,
    confirm_deletions: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> PullReport:
    """Bring the store level with every deployed form of a source.

    Raises the ServerError family when the server can't be read (what was written before stays), and ConfigError when
    no form of the source has an identifier.
    """
    report = PullReport()
    asked = client.requests
    client.whoami()
    deployed = [form for form in FORMS if source.forms.get(form)]
    for form in FORMS if not deployed else ():
        source.uid(form)  # says what to do
    report.warnings += [f"{form} : pas encore déployé sur {source.name}" for form in FORMS if form not in deployed]
    for form in deployed:
        _pull_form(
            _Pull(
                source, form, source.uid(form), store, client, now.astimezone(UTC).isoformat(timespec="seconds"),
                confirm_deletions, progress, report,
            )
        )  # fmt: skip
    report.requests = client.requests - asked
    return report


def _pull_form(job: _Pull) -> None:
    sees_all = _sees_all_rows(job.client.asset(job.uid), job.client.whoami())
    if not sees_all:
        job.report.warnings.append(
            f"{job.form} : le compte {job.client.whoami()} ne voit pas toutes les fiches ; aucune suppression n’est "
            "constatée ; donnez-lui le droit « voir les soumissions » sur tout le formulaire"
        )
    before = known(job.store, job.source.name, job.form)
    sweep = _sweep(job)
    job.report.received += len(sweep.rows) + len(sweep.malformed)
    with job.store.transaction():
        for row in sweep.malformed:
            _refuse(job, row, Refused("no_key", "fiche sans identifiant (_id) sur le serveur"))
    wanted = _compare(job, before, sweep)
    _fetch(job, before, wanted)
    if sees_all and sweep.complete:
        _deletions(job, before, sweep)


def _sweep(job: _Pull) -> Sweep:
    sweep = job.client.sweep(job.uid, lambda done, total: job.progress(f"Index de {job.form}", done, total))
    if not sweep.complete:
        job.report.warnings.append(
            f"{job.form} : le serveur annonce plus de fiches qu’il n’en montre ({len(sweep.rows)} lues) ; celles qui "
            "manquent seront prises au prochain tirage, aucune suppression n’est constatée"
        )
    return sweep


def _compare(job: _Pull, before: Mapping[str, Known], sweep: Sweep) -> list[int]:
    """The ids whose bodies must be fetched; reviews that changed alone are noted from the index."""
    wanted = []
    with job.store.transaction():
        for number, row in sweep.rows.items():
            have = before.get(str(number))
            instance_uuid, review = read_index(row)
            if have is None or have.deleted or have.instance_uuid != instance_uuid:
                wanted.append(number)
            elif review != have.review:
                write_review(job.store, have.submission_key, review, instance_uuid, job.at)
                job.report.status_changed += 1
    return wanted


def _fetch(job: _Pull, before: Mapping[str, Known], wanted: list[int]) -> None:
    done = missing = 0
    for batch in job.client.bodies(job.uid, wanted):
        with job.store.transaction():
            for raw in batch.rows:
                _keep(job, before, raw)
        job.report.fetched_bodies += len(batch.rows)
        missing += len(batch.absent)
        done += len(batch.rows) + len(batch.absent)
        job.progress(f"Fiches de {job.form}", done, len(wanted))
    if missing:
        job.report.warnings.append(
            f"{job.form} : {missing} fiche(s) de l’index n’ont pas été livrées par le serveur (supprimées depuis ?) ; "
            "elles sont redemandées au prochain tirage"
        )


def _keep(job: _Pull, before: Mapping[str, Known], raw: Any) -> None:
    row = read_row(raw)
    if isinstance(row, Refused):
        _refuse(job, raw, row)
        return
    have = before.get(row.remote_key)
    added = write_row(job.store, job.source.name, job.form, row, job.at)
    key = submission_key(job.source.name, job.form, row.remote_key)
    job.store.quarantine_release(key, "pull", job.at)
    if have is None:
        job.report.new += added
        return
    if have.deleted:
        write_deletion(job.store, key, "reappeared", {"instance_uuid": row.instance_uuid}, job.at)
        job.report.reappeared += 1
    job.report.changed += added
    job.report.status_changed += row.review != have.review


def _refuse(job: _Pull, raw: Any, refused: Refused) -> None:
    """Keep aside what can't be kept: counted each night until it is mended, written once."""
    remote_key = refused.remote_key
    job.store.quarantine_enter(
        submission_key=submission_key(job.source.name, job.form, remote_key) if remote_key else None,
        source=job.source.name, form=job.form, remote_key=remote_key, instance_uuid=refused.instance_uuid,
        stage="pull", reason_code=refused.reason_code, message=refused.message,
        # Escaped to ASCII: what can't be stored as it is can at least be read back.
        raw_json=json.dumps(raw, sort_keys=True) if refused.keep_raw else None, at=job.at,
    )  # fmt: skip
    job.report.quarantined += 1


def _sees_all_rows(asset: Mapping[str, Any], me: str) -> bool:
    """Whether the account sees every row of a form: a limited one can't tell a hidden row from a deleted one."""
    effective = asset.get("effective_permissions")
    if isinstance(effective, list):
        codes = {str(entry.get("codename")) for entry in effective if isinstance(entry, dict)}
    else:  # older servers: the assignments themselves, as URLs
        listed = asset.get("permissions")
        permissions = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        codes = {
            str(entry.get("permission", "")).partition("?")[0].rstrip("/").rpartition("/")[2]
            for entry in permissions
            if str(entry.get("user", "")).partition("?")[0].rstrip("/").endswith(f"/users/{me}")
        }
    return "view_submissions" in codes and "partial_submissions" not in codes


def _deletions(job: _Pull, before: Mapping[str, Known], sweep: Sweep) -> None:
    """Tombstones, only on proof: an account that sees all, absence in two sweeps, and a 404 for the row itself.

    A drop of more than max(5, 1 %) waits for a person: it may be a project emptied by mistake, or a wrong form.
    """
    present = {key: have for key, have in before.items() if not have.deleted}
    missing = [key for key in present if int(key) not in sweep.rows]
    if not missing:
        return
    if len(missing) > max(5, len(present) // 100) and not job.confirmed:
        job.report.deletions_waiting += len(missing)
        job.report.warnings.append(
            f"{job.form} : {len(missing)} fiches sur {len(present)} ont disparu du serveur ; elles sont gardées et "
            "comptées ; si la suppression est voulue : kobo-sync run --confirm-deletions"
        )
        return
    second = job.client.sweep(job.uid)
    if not second.complete:
        return
    for key in missing:
        if int(key) in second.rows or job.client.get_submission(job.uid, int(key)) is not None:
            continue
        evidence = {"sweeps": 2, "status": 404, "account": job.client.whoami(), "confirmed": job.confirmed}
        with job.store.transaction():
            write_deletion(job.store, present[key].submission_key, "deleted", evidence, job.at)
        job.report.deleted += 1
