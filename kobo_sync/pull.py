"""Pull: the server's index is compared with the store, and only what is new or changed is fetched whole.

An edit keeps a row's key and time and changes its instance uuid; a review changes neither; a deletion leaves nothing.
So the whole index is read each time, page by page against the store, and a row is called deleted only on proof: see
`pull_deletions`. Every page is one transaction: a pull that is killed is run again, and nothing is lost or doubled.
"""

from __future__ import annotations

import json
import time
from array import array
from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

from kobo_sync import logs
from kobo_sync.config import SourceConfig
from kobo_sync.errors import AuthError, NoRoom, ServerError, ServerUnavailable
from kobo_sync.form_names import FORMS
from kobo_sync.pull_deletions import delete_missing
from kobo_sync.pull_history import read_events
from kobo_sync.pull_job import Job, Progress, PullReport
from kobo_sync.pull_room import Room
from kobo_sync.source import Bodies, IndexRow, Refused, Source, Sweep
from kobo_sync.store import Store
from kobo_sync.store_receive import (
    Known,
    Review,
    Row,
    has_any,
    known,
    present_keys,
    release_keyless,
    submission_key,
    waiting_keys,
    write_deletion,
    write_new_rows,
    write_review,
    write_row,
)

__all__ = ["Progress", "PullReport", "pull"]


def pull(
    source: SourceConfig,
    store: Store,
    server: Source,
    *,
    now: datetime,
    confirm_deletions: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> PullReport:
    """Bring the store level with every deployed form of a source.

    A form that is refused, unknown or unreadable does not stop the others: it is among the report's `problems`.
    Raises the ServerError family when the server or none of its forms can be read (what was written before stays), and
    ConfigError when no form of the source has an identifier.
    """
    report = PullReport()
    asked = server.requests
    server.whoami()
    deployed = [form for form in FORMS if source.forms.get(form)]
    for form in FORMS if not deployed else ():
        source.uid(form)  # says what to do
    awaited = [form for form in FORMS if form in source.forms and form not in deployed]
    report.warnings += [f"{form} : pas encore déployé sur {source.name}" for form in awaited]
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    room = Room(store.path.parent, source.name)
    for form in deployed:
        begun, before = time.monotonic(), report.numbers() | {"requests": server.requests}
        try:
            _pull_form(
                Job(source, form, source.uid(form), store, server, at, confirm_deletions, progress, report, room)
            )
            after = report.numbers() | {"requests": server.requests}
            counts = {name: number - before[name] for name, number in after.items()}
            logs.event("form_end", source=source.name, form=form, counts=counts, duration=time.monotonic() - begun)
        except ServerError as error:
            if isinstance(error, ServerUnavailable | NoRoom) or type(error) is AuthError:
                raise  # so it is for the other forms
            report.problems.append((form, error))
    if len(report.problems) == len(deployed):
        raise report.problems[0][1]
    report.requests = server.requests - asked
    return report


def _pull_form(job: Job) -> None:
    sees_all = job.server.sees_all_rows(job.uid)
    if not sees_all:
        job.tell(
            f"le compte de {job.source.name} ne voit pas toutes les fiches ; aucune suppression n’est "
            "constatée ; donnez-lui le droit « voir les soumissions » sur tout le formulaire"
        )
    if job.known_fact("index_read") is None and not has_any(job.store, job.source.name, job.form):
        _receive(job, job.server.everything(job.uid))
    index = _Index(job)
    sweep = job.server.sweep(job.uid, index.take, index.read)
    _note_sweep(job, index, sweep)
    _fetch(job, index.wanted)
    if sees_all and sweep.complete:
        _release_gone(job, index, sweep)
        delete_missing(job, *index.missing())
    read_events(job)


class _Index:
    """The index as its pages come: compared with the store and forgotten, but for the keys, eight bytes each."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.wanted: list[str] = []
        self.with_modified = 0
        self._seen = array("q")

    def take(self, rows: list[IndexRow]) -> None:
        """What must be fetched is noted; a review that changed alone is kept from the index."""
        job = self.job
        self._seen.extend(hash(row.remote_key) for row in rows)
        self.with_modified += sum(row.modified is not None for row in rows)
        if job.just_kept:  # a first pull: what was written a minute ago need not be read back
            rows = [row for row in rows if _told(row) not in job.just_kept]
        have_all = known(job.store, job.source.name, job.form, [row.remote_key for row in rows])
        reviews = []
        for row in rows:
            have = have_all.get(row.remote_key)
            if have is None or have.deleted or _differs(row, have):
                if row.remote_key not in job.refused:
                    self.wanted.append(row.remote_key)
                    if row.modified is not None:
                        job.modified[row.remote_key] = row.modified
            elif _reviewed_since(row.review, have.review):
                reviews.append((have.submission_key, job.server.whole_review(job.uid, row), row.instance_uuid))
        with job.store.transaction():
            for key, review, instance_uuid in reviews:
                write_review(job.store, key, review, instance_uuid, job.at)
                job.report.status_changed += 1

    def read(self, done: int, total: int) -> None:
        """A page was read, whatever its rows were worth."""
        self.job.room.rows(done)
        self.job.progress(f"Index de {self.job.form}", done, total)

    def missing(self) -> tuple[list[str], int]:
        """Keys that the store has and the index did not show, and how many the store has."""
        present = 0

        def keys() -> Iterator[str]:
            nonlocal present
            for key in present_keys(self.job.store, self.job.source.name, self.job.form):
                present += 1
                yield key

        missing = self.absent(keys())
        return missing, present

    def absent(self, keys: Iterable[str]) -> list[str]:
        """Which of these keys the index did not show."""
        seen = array("q", sorted(self._seen))
        places = ((key, bisect_left(seen, hash(key))) for key in keys)
        return [key for key, place in places if place == len(seen) or seen[place] != hash(key)]


def _told(row: IndexRow | Row) -> int:
    """A hash of all that the index tells of a row."""
    return hash((row.remote_key, row.instance_uuid, row.review, row.modified, row.files, row.root_uuid))


def _differs(row: IndexRow, have: Known) -> bool:
    """Whether the body must be read again. A server without modified times says None, and then so do its rows.

    Where the index has no instance uuid the modified time, if there is one, is the judge.
    """
    by_time_only = row.instance_uuid is None and row.modified is not None
    return (
        (row.instance_uuid != have.instance_uuid and not by_time_only)
        or row.files != have.files
        or (row.modified is not None and row.modified != have.modified)
        or (row.root_uuid is not None and row.root_uuid != have.root_uuid)
    )


def _reviewed_since(now: Review, have: Review) -> bool:
    """Whether the index tells of another review. One that says nothing of the author differs by state and time only."""
    return (now.uid, now.at) != (have.uid, have.at) or (now.by_whom is not None and now.by_whom != have.by_whom)


def _note_sweep(job: Job, index: _Index, sweep: Sweep) -> None:
    job.report.received += sweep.read
    shown = sweep.read - len(sweep.malformed)
    if not sweep.complete:
        job.tell(
            f"le serveur annonce plus de fiches qu’il n’en montre ({shown} lues) ; celles qui "
            "manquent seront prises au prochain tirage, aucune suppression n’est constatée"
        )
    with job.store.transaction():
        for raw in {_ascii(raw): raw for raw in sweep.malformed}.values():  # each once, though two pages show it
            _refuse(job, Refused("no_key", "fiche sans identifiant (_id) sur le serveur", raw))
        job.fact("index_read", job.at)
        if shown:
            offered = "oui" if index.with_modified == shown else "en partie" if index.with_modified else "non"
            job.fact("modified_time", offered)
        if sweep.read > sweep.page:  # a list that fits on one page says nothing of the page's size
            job.fact("page_served", str(sweep.page))


def _release_gone(job: Job, index: _Index, sweep: Sweep) -> None:
    """What waited because it could not be received is over once the server shows it no more."""
    prefix = submission_key(job.source.name, job.form, "")
    waiting = waiting_keys(job.store, job.source.name, job.form)
    with job.store.transaction():
        for key in index.absent(each.removeprefix(prefix) for each in waiting):
            job.store.quarantine_release(prefix + key, "pull", job.at)
        release_keyless(job.store, job.source.name, job.form, [_ascii(raw) for raw in sweep.malformed], job.at)


def _fetch(job: Job, wanted: list[str]) -> None:
    missing = _receive(job, job.server.bodies(job.uid, wanted), len(wanted)) if wanted else 0
    if missing:
        job.tell(
            f"{missing} fiche(s) de l’index n’ont pas été livrées par le serveur (supprimées depuis ?) ; "
            "elles sont redemandées au prochain tirage"
        )


def _receive(job: Job, bodies: Generator[Bodies, None, None], total: int = 0) -> int:
    """Keep rows as they come, a transaction a batch; how many were not delivered.

    Whatever stops it, the threads that fetch ahead end here, before the connections are closed.
    """
    with closing(bodies) as batches:
        return _keep_batches(job, batches, total)


def _keep_batches(job: Job, batches: Iterable[Bodies], total: int) -> int:
    done = missing = 0
    for batch in batches:
        job.room.take(sum(map(_size, batch.rows)))
        keys = [row.remote_key for row in batch.rows if row.remote_key is not None]
        with job.store.transaction():
            have = known(job.store, job.source.name, job.form, keys)
            waiting = waiting_keys(job.store, job.source.name, job.form)
            fresh: dict[str, Row] = {}
            others: list[Row] = []
            for row in batch.rows:
                if isinstance(row, Refused):
                    if row.remote_key is not None or total:  # without a key: the index shows it too
                        _refuse(job, row)
                elif row.remote_key in have or row.remote_key in fresh:
                    others.append(_with_modified(job, row))
                else:
                    fresh[row.remote_key] = _with_modified(job, row)
            write_new_rows(job.store, job.source.name, job.form, list(fresh.values()), job.at)
            job.report.new += len(fresh)
            if others:  # a row came again, perhaps another: which version the store holds is asked of the store
                job.just_kept.clear()
            elif not total:  # a first pull; else the index was read before the rows
                job.just_kept.update(map(_told, fresh.values()))
            for row in others:
                _keep(job, row, have.get(row.remote_key))
            kept = (row.remote_key for row in (*fresh.values(), *others))
            for key in waiting.intersection(submission_key(job.source.name, job.form, each) for each in kept):
                job.store.quarantine_release(key, "pull", job.at)
        job.report.fetched_bodies += len(batch.rows)
        missing += len(batch.absent)
        done += len(batch.rows) + len(batch.absent)
        job.progress(f"Fiches de {job.form}", done, max(done, total))
    return missing


def _size(row: Row | Refused) -> int:
    """Bytes that a row takes in the store, about."""
    if isinstance(row, Refused):
        return len(_ascii(row.raw)) if row.keep_raw else 0
    return len(row.text or b"")


def _with_modified(job: Job, row: Row) -> Row:
    if row.modified is None and row.remote_key in job.modified:
        return replace(row, modified=job.modified[row.remote_key])
    return row


def _keep(job: Job, row: Row, have: Known | None) -> None:
    """Keep a row of which the store has something; `have` is None for one that came twice in a page."""
    key = submission_key(job.source.name, job.form, row.remote_key)
    added = write_row(job.store, job.source.name, job.form, row, job.at)
    if have is None:
        return
    if have.deleted:
        write_deletion(job.store, key, "reappeared", {"instance_uuid": row.instance_uuid}, job.at)
        job.report.reappeared += 1
    job.report.changed += added
    job.report.status_changed += row.review != have.review


def _refuse(job: Job, refused: Refused) -> None:
    """Keep aside what can't be kept: counted each night until it is mended, written once."""
    remote_key = refused.remote_key
    if remote_key is not None:
        job.refused.add(remote_key)
    raw_json = _ascii(refused.raw) if refused.keep_raw else None
    job.store.quarantine_enter(
        submission_key=submission_key(job.source.name, job.form, remote_key) if remote_key else None,
        source=job.source.name, form=job.form, remote_key=remote_key, instance_uuid=refused.instance_uuid,
        stage="pull", reason_code=refused.reason_code, message=refused.message,
        raw_json=raw_json, at=job.at,
    )  # fmt: skip
    job.report.quarantined += 1


def _ascii(raw: object) -> str:
    """Escaped to ASCII: what can't be stored as it is can at least be read back."""
    return json.dumps(raw, sort_keys=True)
