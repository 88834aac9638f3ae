"""Files of submissions: fetched when the configuration asks for it, kept encrypted beside the store, never in outputs.

The table `attachment` says of each file where it stands. awaited: an answer names it, its bytes are not here yet;
fetched; failed: what came can't be kept, tried again each night; gone: the server has it no more, and what we have
of it is kept. A file is received in pieces: what an interruption leaves is taken up where it ended.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests
import urllib3

from kobo_sync.attachment_files import FOLDER, PIECE, DiskRefused, SealedWriter, file_name, read_sealed
from kobo_sync.attachment_servers import FileRefused, FileServer, RemoteFile, open_files
from kobo_sync.config import Config, SourceConfig
from kobo_sync.disk import system_problem
from kobo_sync.erased_persons import erased_persons, known_marks
from kobo_sync.errors import AuthError, ServerUnavailable, StoreError
from kobo_sync.store import Store
from kobo_sync.transport_bounds import TooLong

MAX_BYTES = 30 * 2**20
"""A scan of some pages. Kobo itself takes no more than 100 MB a submission."""
_TRIES = 3
_BROKEN = 3
"""Files in a row that may break off before the server is left alone."""
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"%PDF-", b"GIF8", b"II*\0", b"MM\0*")
_NO_FILE = ("text/html", "application/json", "application/xhtml")


@dataclass
class FilesReport:
    """What one source's files came to, in numbers. `warnings`: in French, without a name."""

    fetched: int = 0
    awaited: int = 0
    failed: int = 0
    gone: int = 0
    warnings: list[str] = field(default_factory=list)


class _Interrupted(Exception):
    """The connection ended before the file did."""


@dataclass(frozen=True)
class Kept:
    """A line of the table `attachment`."""

    id: int
    submission_key: str
    name: str
    remote_id: str
    state: str
    size: int | None
    stored_as: str | None
    reason: str | None


def folder(store: Store) -> Path:
    """Where the encrypted files lie."""
    return store.path.parent / FOLDER


def fetch_files(
    store: Store, key: bytes, source: str, form: str, form_id: str, server: FileServer, *, now: datetime,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FilesReport:  # fmt: skip
    """Bring the files of a form level with its rows in the store. `key`: the store's.

    A file that fails stops no other. A server that breaks off several, with none received whole between them, or that
    has had its time, is left for the next night. `progress` is called at each piece too: what it raises stops the work.
    Raises AuthError when the token is refused, StoreError when the disk takes no more.
    """
    report = FilesReport()
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    rows = _rows(store, source, form)
    broken, out_of_time = 0, False
    for done, (submission_key, remote_key, revision) in enumerate(rows):
        known = kept_of(store, submission_key)
        raw = _raw(store, submission_key, revision)
        named = server.named(form_id, remote_key, raw, sum(one.state == "fetched" for one in known))
        if named is not None:
            with store.transaction():
                _level(store, submission_key, known, named, at)
        by_name = {(file.name, file.remote_id): file for file in named or ()}
        for one in kept_of(store, submission_key):
            file = by_name.get((one.name, one.remote_id))
            if one.state not in ("awaited", "failed") or file is None or not file.remote_id or broken >= _BROKEN:
                continue
            if server.time_left() <= 0:
                out_of_time = True
                break
            ask = partial(server.open, form_id, remote_key, file)
            whole = _fetch(store, key, one, ask, at, partial(progress, done, len(rows)))
            broken = broken if whole is None else 0 if whole else broken + 1
        progress(done + 1, len(rows))
        if out_of_time:
            break
    for state, number in _counts(store, source, form):
        setattr(report, state, number)
    if broken >= _BROKEN:
        report.warnings.append(f"{form} : le serveur interrompt les fichiers joints ; la suite au prochain tirage")
    if out_of_time:
        report.warnings.append(
            f"{form} : les fichiers joints ont pris leur temps de la nuit ; la suite au prochain tirage"
        )
    if report.failed:
        report.warnings.append(
            f"{form} : {report.failed} fichier(s) joint(s) ne peuvent pas être gardés : kobo-sync attachments list"
        )
    return report


def fetch_source(
    config: Config, source: SourceConfig, token: str, store: Store, key: bytes, now: datetime,
    step: Callable[[str], None] = lambda _: None,
) -> list[str]:  # fmt: skip
    """After a pull: the files of the forms that the configuration names. What people should know, in French.

    `step` is told of each file and each piece of one: where a signal may end the work.
    """
    forms = [form for form, uid in source.forms.items() if uid and config.attachments.get(form)]
    if not forms:
        return []
    with open_files(source, token) as server:
        warnings = []
        for form in forms:

            def told(done: int, total: int, form: str = form) -> None:
                step(f"{source.name} · Fichiers joints de {form} ({done} sur {total})")

            uid = source.uid(form)
            warnings += fetch_files(store, key, source.name, form, uid, server, now=now, progress=told).warnings
        return warnings


def kept_of(store: Store, submission_key: str) -> list[Kept]:
    """The files of a submission, oldest first."""
    rows = store.connection.execute(
        "SELECT id, submission_key, name, remote_id, state, size, stored_as, reason FROM attachment"
        " WHERE submission_key = ? ORDER BY id",
        (submission_key,),
    )
    return [Kept(*row) for row in rows]


def read_file(store: Store, key: bytes, number: int) -> bytes:
    """A fetched file in clear, its hash checked. Raises StoreError."""
    row = store.connection.execute("SELECT stored_as, sha256 FROM attachment WHERE id = ?", (number,)).fetchone()
    if row is None or row[0] is None:
        raise StoreError(
            f"Le fichier joint {number} n’est pas gardé ici", "kobo-sync attachments list dit lesquels le sont"
        )
    content = read_sealed(folder(store) / row[0], key)
    if hashlib.sha256(content).hexdigest() != row[1]:
        raise StoreError(
            f"Le fichier joint {number} n’est pas celui qui a été reçu", "remettez-le depuis une sauvegarde"
        )
    return content


def remove_files(store: Store, submission_keys: Iterable[str]) -> int:
    """Erase the files of submissions, and their names, which may be a person's. How many there were.

    Not within a transaction: what is deleted can't be rolled back. The table keeps each place until its file is gone,
    so that after a crash the same call ends the work.
    """
    lines = [one for key in submission_keys for one in kept_of(store, key)]
    for one in lines:  # of no value to anybody: what was received in part, or not yet noted, is asked for again
        path = folder(store) / file_name(store.file_key(), one.submission_key, one.name, one.remote_id)
        path.with_name(f"{path.name}.part").unlink(missing_ok=True)
        if not one.stored_as:
            path.unlink(missing_ok=True)
    with store.transaction():
        for one in lines:
            store.connection.execute(
                "UPDATE attachment SET state = 'gone', name = ?, remote_id = '', question = '', size = NULL,"
                " sha256 = NULL, reason = 'effacé' WHERE id = ?",
                (f"effacé {one.id}", one.id),
            )
    stored = [one for one in lines if one.stored_as]
    for one in stored:
        (folder(store) / str(one.stored_as)).unlink(missing_ok=True)
    with store.transaction():
        for one in stored:
            store.connection.execute("UPDATE attachment SET stored_as = NULL WHERE id = ?", (one.id,))
    return len(stored)


def _rows(store: Store, source: str, form: str) -> list[tuple[str, str, int]]:
    """(key, server's key, newest revision) of the submissions that stand and of which nothing was erased."""
    rows: list[tuple[str, str, int]] = store.connection.execute(
        "SELECT s.submission_key, s.remote_key,"
        " (SELECT max(revision_no) FROM revision WHERE submission_key = s.submission_key) FROM submission s"
        " WHERE s.source = ? AND s.form = ? AND COALESCE((SELECT kind FROM deletion d WHERE"
        " d.submission_key = s.submission_key ORDER BY id DESC LIMIT 1), '') != 'deleted'"
        " ORDER BY s.submission_key",
        (source, form),
    ).fetchall()
    if not store.connection.execute("SELECT 1 FROM suppression LIMIT 1").fetchone():
        return rows
    # As for the answers: what was erased may come again under another number of the server.
    return [
        row for row in rows
        if not erased_persons(store.connection, source, form, row[1], known_marks(store.connection, row[0]))
    ]  # fmt: skip


def _raw(store: Store, submission_key: str, revision: int) -> dict[str, Any]:
    row = store.connection.execute(
        "SELECT raw_json FROM revision WHERE submission_key = ? AND revision_no = ?", (submission_key, revision)
    ).fetchone()
    raw: dict[str, Any] = json.loads(row[0])
    return raw


def _level(store: Store, submission_key: str, known: Sequence[Kept], named: Sequence[RemoteFile], at: str) -> None:
    """Lines for what is named, and an end for what no row names any more."""
    lines = {(one.name, one.remote_id): one for one in known}
    seen = set()
    for file in named:
        line = lines.get((file.name, file.remote_id)) or lines.get((file.name, ""))
        if line is None:
            state, reason = ("gone", "supprimé sur le serveur") if file.gone else ("awaited", None)
            store.connection.execute(
                "INSERT INTO attachment (submission_key, name, remote_id, question, mimetype, state, reason, seen_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (submission_key, file.name, file.remote_id, file.question, file.mimetype, state, reason, at),
            )
            continue
        seen.add(line.id)
        state, reason = line.state, line.reason
        if file.gone:
            state, reason = "gone", "supprimé sur le serveur"
        elif line.state == "gone":
            state, reason = ("fetched" if line.stored_as else "awaited"), None
        store.connection.execute(
            "UPDATE attachment SET remote_id = ?, question = ?, mimetype = ?, state = ?, reason = ? WHERE id = ?",
            (file.remote_id, file.question, file.mimetype, state, reason, line.id),
        )
    for one in known:
        if one.id not in seen and one.state != "gone":
            store.connection.execute(
                "UPDATE attachment SET state = 'gone', reason = 'la fiche ne le nomme plus' WHERE id = ?", (one.id,)
            )


def _fetch(
    store: Store, key: bytes, one: Kept, ask: Callable[[dict[str, str]], requests.Response], at: str,
    heard: Callable[[], None],
) -> bool | None:  # fmt: skip
    """One file, to its end or to what stops it; the line of the table says which.

    False when it broke off, None when it can't be kept: a server that drips may well end with no image.
    """
    stored_as = file_name(key, one.submission_key, one.name, one.remote_id)
    path = folder(store) / stored_as
    try:
        if path.exists():  # killed between the file's name and the table
            content = read_sealed(path, key)
            size, digest = len(content), hashlib.sha256(content).hexdigest()
        else:
            with SealedWriter(path, key) as writer:
                digest = _received(writer, ask, heard)
                size = writer.size
    except _Interrupted:
        _note(store, one, "awaited", "interrompu, repris au prochain tirage")
        return False
    except DiskRefused as error:
        raise system_problem(error.args[0], f"Le dossier {folder(store)} ne peut pas être écrit") from None
    except FileRefused as refusal:
        _note(store, one, "failed", str(refusal))
        return None
    except StoreError:
        path.unlink(missing_ok=True)
        _note(store, one, "awaited", "abîmé sur le disque, repris au prochain tirage")
        return None
    else:
        store.connection.execute(
            "UPDATE attachment SET state = 'fetched', size = ?, sha256 = ?, stored_as = ?, reason = NULL,"
            " fetched_at = ? WHERE id = ?",
            (size, digest, stored_as, at, one.id),
        )
    return True


def _received(
    writer: SealedWriter, ask: Callable[[dict[str, str]], requests.Response], heard: Callable[[], None] = lambda: None
) -> str:
    """Read the file to its end, taking up what is there; its SHA-256. Raises FileRefused or _Interrupted."""
    for _ in range(_TRIES):
        if writer.size and writer.size == writer.note.get("total"):  # killed before it took its name
            break
        headers = {"Range": f"bytes={writer.size}-"} if writer.size else {}
        if writer.size and writer.note.get("etag"):
            headers["If-Range"] = writer.note["etag"]
        try:
            with ask(headers) as response:
                if response.status_code == 416:  # shorter than what we have: another file
                    writer.begin({})
                    continue
                _take(writer, response, heard)
        except (TooLong, ServerUnavailable):  # it has had its time; another try would take as long
            raise _Interrupted from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, EOFError):
            continue
        except ValueError:  # headers are what anybody may write: an address or a number that is none
            raise FileRefused("réponse illisible du serveur") from None
        if writer.size == writer.note.get("total", writer.size):
            break
    else:
        raise _Interrupted
    start = writer.beginning(16)
    heic = start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"mif1", b"msf1")
    if not (start.startswith(_BEGINNINGS) or heic or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")):
        writer.drop()
        raise FileRefused("ce n’est ni une image ni un PDF")
    return writer.finish()


def _take(writer: SealedWriter, response: requests.Response, heard: Callable[[], None]) -> None:
    """One answer into the file. A part is added only if it is the part asked for."""
    status = response.status_code
    if status == 401 and "Authorization" in response.request.headers:  # a file store's 401 says nothing of our token
        raise AuthError(
            "Le serveur refuse le compte de synchronisation (401)", "recopiez son jeton, ou son mot de passe"
        )
    if status >= 500 or status == 429:
        raise EOFError
    if status not in (200, 206):
        raise FileRefused(f"le serveur ne le donne pas ({status})")
    if response.headers.get("Content-Type", "").lower().startswith(_NO_FILE):
        raise FileRefused("une page est arrivée au lieu du fichier")
    length = response.headers.get("Content-Length", "")
    total = int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None
    unit, _, span = response.headers.get("Content-Range", "").partition(" ")
    if status == 206 and unit == "bytes" and span.startswith(f"{writer.size}-"):
        if total is not None and writer.size + total != writer.note.get("total", writer.size + total):
            raise EOFError
    else:
        etag = response.headers.get("ETag", "")
        note: dict[str, Any] = {"etag": etag} if etag and not etag.startswith("W/") else {}
        writer.begin(note | ({"total": total} if total is not None else {}))
    if writer.note.get("total", 0) > MAX_BYTES:
        raise _too_large(writer)
    while data := response.raw.read1(PIECE, decode_content=False):
        writer.write(data)
        heard()
        if writer.size > MAX_BYTES:
            raise _too_large(writer)


def _too_large(writer: SealedWriter) -> FileRefused:
    writer.drop()
    return FileRefused(f"trop grand (plus de {MAX_BYTES // 2**20} Mo)")


def _note(store: Store, one: Kept, state: str, reason: str) -> None:
    store.connection.execute("UPDATE attachment SET state = ?, reason = ? WHERE id = ?", (state, reason, one.id))


def _counts(store: Store, source: str, form: str) -> list[tuple[str, int]]:
    return store.connection.execute(
        "SELECT state, count(*) FROM attachment a JOIN submission s ON s.submission_key = a.submission_key"
        " WHERE s.source = ? AND s.form = ? GROUP BY state",
        (source, form),
    ).fetchall()
