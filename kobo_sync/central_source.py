"""ODK Central as a source: a project's forms, read whole, in Kobo's shape.

Whoever may list a form sees all its rows, so a row that is not shown is deleted. Times say nothing here: none is in
commit order and no time tells of a restore. The whole list of ids and `__system`, one answer and so one moment, does.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from kobo_sync.central import CentralClient
from kobo_sync.central_history import Log, newest_review
from kobo_sync.central_shape import Questions, from_odata, from_xml, questions, version_of
from kobo_sync.config import SourceConfig
from kobo_sync.errors import Forbidden, NotFoundError
from kobo_sync.fetch_ahead import ahead
from kobo_sync.received_rows import MAX_BYTES
from kobo_sync.source import Bodies, IndexRow, Progress, Refused, ServerEvent, Sweep, Take
from kobo_sync.store import answers_text
from kobo_sync.store_receive import Review, Row

BATCH = 100
"""Rows asked for by their ids in one address: 8,000 signs, what web servers take."""
PAGE = 1000
CHUNK = 250
"""Rows of a page that one thread reads: some need requests of their own."""
TAKEN = 5000
"""Index rows handed over at once."""
INDEX = {"$select": "__id,__system,meta/instanceID", "$count": "true"}
STATES = {
    "approved": "validation_status_approved",
    "rejected": "validation_status_not_approved",
    "hasIssues": "validation_status_on_hold",
    "edited": "validation_status_edited",
}
"""Central's review states in the store's words. `edited` is ours: Kobo has no such state."""
_KEPT = (
    "submissionDate", "submitterId", "submitterName", "deviceId", "formVersion", "edits", "attachmentsPresent",
    "attachmentsExpected", "status",
)  # fmt: skip
"""What a review or its passing of time changes is kept elsewhere: a review must not make a revision."""


class CentralSource:
    """One account in one project of a Central server, as a Source."""

    def __init__(self, client: CentralClient) -> None:
        self.client = client
        self._questions: dict[tuple[str, str], Questions] = {}
        self._log = Log(client)

    @classmethod
    @contextmanager
    def open(cls, source: SourceConfig, password: str, **patience: Any) -> Iterator[CentralSource]:
        """The source of a configuration; its session is ended afterwards. `patience`: as CentralClient's."""
        assert source.project is not None and source.account is not None  # the configuration is checked
        with CentralClient(source.url, source.project, source.account, password, **patience) as client:
            yield cls(client)

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self.client.requests

    def whoami(self) -> str:
        """Address of the account. Raises AuthError when the server does not take its password."""
        return str(self.client.me().get("email") or self.client.account)

    def sees_all_rows(self, form_id: str) -> bool:
        """Always: Central has no rights by row. Raises Forbidden without a role, NotFoundError without the form."""
        self.client.form(form_id)
        return True

    def sweep(self, form_id: str, take: Take, progress: Progress = lambda done, total: None) -> Sweep:
        """The index of every row, in one answer where the server does not page by itself."""
        sweep, seen, expected = Sweep(), set[str](), 0
        for results, count in self.client.rows(form_id, INDEX):
            if not sweep.page:  # the first page says how many there are
                expected = count if count is not None else self.client.count(form_id)
            sweep.page = max(sweep.page, len(results))
            sweep.read += len(results)
            rows = []
            for raw in results:
                row = _index_row(raw)
                if row is None:
                    sweep.without_key(raw)
                elif row.remote_key not in seen:
                    seen.add(row.remote_key)
                    rows.append(row)
            for start in range(0, len(rows), TAKEN):
                take(rows[start : start + TAKEN])
            progress(sweep.read, max(expected, sweep.read))
        # Rows deleted while we read are no loss; an empty page where the list should go on is one.
        distinct = len(seen) + len(sweep.malformed)
        sweep.complete = distinct >= expected or distinct >= self.client.count(form_id)
        sweep.read = distinct
        return sweep

    def bodies(self, form_id: str, keys: Sequence[str]) -> Generator[Bodies, None, None]:
        """Whole rows in batches, in the order of `keys`, fetched ahead by a few threads."""
        batches = (list(keys[start : start + BATCH]) for start in range(0, len(keys), BATCH))
        return ahead(lambda batch: self._batch(form_id, batch), batches)

    def everything(self, form_id: str) -> Generator[Bodies, None, None]:
        """Every row whole, in large pages, cut into pieces that a few threads read."""
        return ahead(lambda piece: self._read(form_id, *piece), self._pieces(form_id))

    def is_gone(self, form_id: str, key: str) -> bool:
        """Whether the server itself says that it has no such row, or has it in the trash."""
        return not self.client.has_row(form_id, key)

    def events(self, form_id: str, since: str | None) -> Iterable[ServerEvent] | None:
        """The server's log from an instant on, oldest first; None where we may not read it (not an administrator)."""
        try:
            return self._log.events(form_id, since)
        except Forbidden:
            return None

    def whole_review(self, form_id: str, row: IndexRow) -> Review:
        """The review of an index row with its author, from the row's own history."""
        return self._reviewed(form_id, row.remote_key, row.review)

    # --- Bodies -------------------------------------------------------------------------------------------------------

    def _batch(self, form_id: str, keys: list[str]) -> Bodies:
        wanted = set(keys)
        condition = " or ".join(f"__id eq '{key.replace(chr(39), chr(39) * 2)}'" for key in keys)
        served = [
            row
            for results, _ in self.client.rows(form_id, {"$filter": condition, "$expand": "*"})
            for row in results
            if not isinstance(row, dict) or row.get("__id") in wanted  # an answer about other rows is no answer
        ]
        got = {row["__id"] for row in served if isinstance(row, dict)}
        read = self._read(form_id, served, self._version(form_id))
        return Bodies(read.rows, read.absent + [key for key in keys if key not in got])

    def _pieces(self, form_id: str) -> Iterator[tuple[list[Any], str]]:
        """Pieces of pages of whole rows, and the version of the form that their columns may have."""
        with closing(self.client.rows(form_id, {"$expand": "*", "$top": str(PAGE), "$count": "true"})) as pages:
            for results, _ in pages:
                version = self._version(form_id)
                for start in range(0, len(results), CHUNK):
                    yield results[start : start + CHUNK], version

    def _version(self, form_id: str) -> str:
        """The published version. Asked after rows came: their columns are never newer than that."""
        return str(self.client.form(form_id).get("version") or "")

    def _read(self, form_id: str, served: list[Any], version: str) -> Bodies:
        """Rows read whole, in this very thread: a thread has a connection of its own."""
        rows: list[Row | Refused] = []
        absent: list[str] = []
        for raw in served:
            row = self._row(form_id, raw, version)
            if row is None:
                absent.append(raw["__id"])
            else:
                rows.append(row)
        return Bodies(rows, absent)

    def _row(self, form_id: str, raw: Any, version: str) -> Row | Refused | None:
        """One row; None when it is gone meanwhile."""
        row = _index_row(raw)
        if row is None:
            return Refused("no_key", "fiche sans identifiant (__id) sur le serveur", raw)
        key, system = row.remote_key, raw["__system"]
        if system.get("status"):
            return Refused(
                "encrypted",
                "fiche chiffrée par le projet Central : ses réponses ne se lisent pas sans la phrase secrète du "
                "projet ; désactivez le chiffrement du projet pour les fiches à venir, et saisissez celle-ci à nouveau",
                raw, key, row.instance_uuid,
            )  # fmt: skip
        release = str(system.get("formVersion") or "")
        if release == version and not system.get("edits"):
            answers = from_odata(raw, self._form(form_id, version))
        else:  # of another version the columns are not these; of an edited row the version is not told
            try:
                xml = self.client.xml(form_id, key)
            except NotFoundError:
                return None
            try:
                release = version_of(xml) or release
                answers = from_xml(xml, self._form(form_id, release))
            except NotFoundError:  # the form is there, and the row: only this version's questions are not
                return Refused(
                    "unknown_version",
                    "la version du formulaire que dit la fiche n’est pas publiée sur le serveur ; publiez-la dans "
                    "Central, ou saisissez la fiche à nouveau",
                    raw, key, row.instance_uuid,
                )  # fmt: skip
            except ValueError:
                return Refused("broken_xml", "le XML de la fiche est coupé ou illisible", raw, key, row.instance_uuid)
        review = self._reviewed(form_id, key, row.review)
        return _whole(row, system, release, answers, review)

    def _form(self, form_id: str, version: str) -> Questions:
        known = self._questions.get((form_id, version))
        if known is None:
            known = questions(self.client.fields(form_id, version))
            self._questions[form_id, version] = known
        return known

    def _reviewed(self, form_id: str, key: str, review: Review) -> Review:
        if review.uid is None:
            return review
        try:
            return newest_review(self.client.history(form_id, key), review)
        except (Forbidden, NotFoundError):
            return review


def _index_row(raw: Any) -> IndexRow | None:
    """An index row; None when it has no usable `__id`."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("__system"), Mapping):
        return None
    key, system, meta = raw.get("__id"), raw["__system"], raw.get("meta")
    if not isinstance(key, str) or not key:
        return None
    instance = meta.get("instanceID") if isinstance(meta, Mapping) else None
    # A list that has no column for the instanceID does not show edits: then, and only then, the time tells of them.
    modified = None if instance else str(system.get("updatedAt") or system.get("submissionDate") or "")
    files = f"{system.get('attachmentsPresent')}/{system.get('attachmentsExpected')}"
    state = system.get("reviewState")
    return IndexRow(
        remote_key=key,
        instance_uuid=str(instance).removeprefix("uuid:") if instance else None,
        review=Review(STATES.get(state, f"central_{state}"), None, system.get("updatedAt")) if state else Review(),
        modified=modified,
        files=files if system.get("attachmentsExpected") else "",
        root_uuid=key.removeprefix("uuid:"),
    )


def _whole(
    row: IndexRow, system: Mapping[str, Any], release: str, answers: dict[str, Any], review: Review
) -> Row | Refused:
    root = row.remote_key.removeprefix("uuid:")
    instance = _plain(answers.get("meta/instanceID")) or row.instance_uuid or root
    deprecated = _plain(answers.get("meta/deprecatedID"))
    status = {"uid": review.uid, "by_whom": review.by_whom, "timestamp": review.at} if review.uid else {}
    raw = {
        **answers,
        "meta/rootUuid": f"uuid:{root}",
        "_uuid": instance,
        "_submission_time": system.get("submissionDate"),
        "_submitted_by": system.get("submitterName"),
        "__version__": release,
        "_validation_status": status,
        "_date_modified": system.get("updatedAt"),
        "__system": {name: system[name] for name in _KEPT if name in system},
    }
    try:
        text = answers_text(raw)
    except UnicodeEncodeError:
        message = "un texte de la fiche contient un caractère impossible"
        return Refused("invalid_unicode", message, raw, row.remote_key)
    if len(text) > MAX_BYTES:
        message = f"la fiche reçue est trop grande ({len(text)} octets)"
        return Refused("too_large", message, raw, row.remote_key, instance, keep_raw=False)
    return Row(
        remote_key=row.remote_key,
        instance_uuid=instance,
        root_uuid=root,
        witnesses=frozenset({root, instance} | ({deprecated} if deprecated else set())),
        edited=bool(system.get("edits")),
        submission_time=system.get("submissionDate"),
        submitted_by=system.get("submitterName"),
        form_release=answers.get("form_release"),
        remote_version=release,
        review=review,
        raw=raw,
        modified=row.modified,
        files=row.files,
        text=text,
    )


def _plain(value: Any) -> str | None:
    return value.removeprefix("uuid:") if isinstance(value, str) and value else None
