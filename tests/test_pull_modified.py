"""The modified time of a server is used where it is there, detected row by row, and never asked of a person."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.kobo_source import KoboSource
from kobo_sync.pull import PullReport, pull
from kobo_sync.store import Store
from tests.store_fixture import KEY
from tests.stub_server import Heard, Said, stub

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
UID = "aForm567890"


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "anltp.db", KEY) as opened:
        yield opened


def whole(number: int, **more: object) -> dict[str, object]:
    return {"_id": number, "_uuid": f"u{number}", "meta/rootUuid": f"uuid:u{number}", "village": f"v{number}",
            "_validation_status": {}, "_attachments": [], **more}  # fmt: skip


def kobo(rows: dict[int, dict], *, refuses_unknown: bool = False, hides_in_bodies: bool = False):
    """A server as a later Kobo may be: `_date_modified` in the rows that have it."""

    def answering(request: Heard) -> Said:
        if request.path == "/me/":
            return Said({"username": "sync"})
        if request.path.endswith("/history/"):
            return Said({"detail": "Not found."}, 404)
        if not request.path.endswith("/data/"):
            return Said({"effective_permissions": [{"codename": "view_submissions"}]})
        asked = json.loads(request.params["query"]).get("_id", {})
        found = [row for n, row in sorted(rows.items()) if n > asked.get("$gt", 0) and n in asked.get("$in", rows)]
        if "fields" in request.params:
            fields = json.loads(request.params["fields"])
            if refuses_unknown and "_date_modified" in fields:
                return Said({"fields": "Unknown field."}, 400)
            found = [{name: row[name] for name in fields if name in row} for row in found]
        elif hides_in_bodies:
            found = [{name: value for name, value in row.items() if name != "_date_modified"} for row in found]
        return Said({"count": len(found), "results": found[int(request.params.get("start", 0)) :]})

    return answering


def pulled(rows: dict[int, dict], store: Store, files: bool = False, **options: bool) -> PullReport:
    source = SourceConfig(name="kobo-anltp", url="http://127.0.0.1", token_env="KOBO_TOKEN", forms={"traite": UID})
    with stub(kobo(rows, **options)) as (base, _), KoboClient(base, "t" * 40, retries=0) as client:
        return pull(source, store, KoboSource(client, {UID} if files else ()), now=NOW)


def did(report: PullReport) -> dict[str, int]:
    kept = ("new", "changed", "fetched_bodies", "deleted", "status_changed")
    return {name: getattr(report, name) for name in kept if getattr(report, name)}


def offered(store: Store) -> str:
    (value,) = store.connection.execute("SELECT value FROM source_fact WHERE name = 'modified_time'").fetchone()
    return str(value)


def kept(store: Store) -> list[tuple[str, str | None, int]]:
    return [
        tuple(row)
        for row in store.connection.execute(
            "SELECT s.remote_key, s.remote_modified, max(r.revision_no) FROM submission s"
            " JOIN revision r USING (submission_key) GROUP BY s.submission_key ORDER BY s.remote_key"
        )
    ]


def test_a_later_modified_time_brings_the_body_even_where_the_uuid_stayed(store):
    rows = {n: whole(n, _date_modified="2026-11-01T08:00:00Z") for n in (1, 2, 3)}
    pulled(rows, store)
    assert offered(store) == "oui"
    rows[2] = whole(2, _date_modified="2026-11-01T09:00:00Z", village="corrected")
    rows[3] = whole(3, _date_modified="2026-11-01T09:00:00Z")
    assert did(pulled(rows, store)) == {"changed": 1, "fetched_bodies": 2}
    assert kept(store) == [
        ("1", "2026-11-01T08:00:00Z", 1),
        ("2", "2026-11-01T09:00:00Z", 2),
        ("3", "2026-11-01T09:00:00Z", 1),  # touched, not changed: no new revision
    ]
    assert did(pulled(rows, store)) == {}


def test_a_server_that_offers_it_on_some_rows_only(store):
    rows = {1: whole(1), 2: whole(2, _date_modified="2026-11-01T08:00:00Z")}
    pulled(rows, store)
    assert offered(store) == "en partie"
    assert did(pulled(rows, store)) == {}
    rows[1] = whole(1, _date_modified="2026-11-02T08:00:00Z", village="corrected")
    assert did(pulled(rows, store)) == {"changed": 1, "fetched_bodies": 1}
    rows[2] = whole(2)  # no time any more: nothing to compare
    assert did(pulled(rows, store)) == {}


@pytest.mark.parametrize("refuses", [False, True])
def test_a_server_without_it_is_read_as_before(store, refuses):
    rows = {n: whole(n) for n in (1, 2)}
    assert did(pulled(rows, store, refuses_unknown=refuses)) == {"new": 2, "fetched_bodies": 2}
    assert offered(store) == "non"
    rows[1] |= {"_uuid": "u1b", "village": "edited"}
    assert did(pulled(rows, store, refuses_unknown=refuses)) == {"changed": 1, "fetched_bodies": 1}


def test_a_server_that_tells_it_in_its_index_only_is_not_read_again_each_night(store):
    rows = {n: whole(n, _date_modified="2026-11-01T08:00:00Z") for n in (1, 2)}
    pulled(rows, store, hides_in_bodies=True)
    pulled(rows, store, hides_in_bodies=True)
    assert did(pulled(rows, store, hides_in_bodies=True)) == {}


SCAN = {"uid": "att1", "media_file_basename": "memo.pdf", "is_deleted": False}


def test_a_file_that_arrives_late_brings_the_row_again_where_files_matter(store):
    rows = {1: whole(1, memo="memo.pdf"), 2: whole(2)}
    pulled(rows, store, files=True)
    rows[1] |= {"_attachments": [SCAN]}
    assert did(pulled(rows, store)) == {}, "not asked for: not looked at"
    assert did(pulled(rows, store, files=True)) == {"changed": 1, "fetched_bodies": 1}
    assert did(pulled(rows, store, files=True)) == {}
    rows[1] |= {"_attachments": [SCAN | {"is_deleted": True}]}
    assert did(pulled(rows, store, files=True)) == {"changed": 1, "fetched_bodies": 1}
