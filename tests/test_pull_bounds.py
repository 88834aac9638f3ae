"""What a pull does not let a server do: stop the other forms, fill the disk, speak in our mails, keep our threads."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest

from kobo_sync import pull_room
from kobo_sync import run as run_module
from kobo_sync import source as source_module
from kobo_sync.client import KoboClient
from kobo_sync.config import SourceConfig
from kobo_sync.errors import NoRoom, StoreError, UnexpectedAnswer
from kobo_sync.kobo_source import KoboSource
from kobo_sync.pull import PullReport, pull
from kobo_sync.run import pull_only
from kobo_sync.stopping import Stopped
from kobo_sync.store import Store
from tests.sources_fixture import place
from tests.store_fixture import KEY
from tests.stub_server import Heard, Said, stub
from tests.test_pull import kobo, whole
from tests.test_pull_sources import PSEUDONYM_VARIABLE, STORE_VARIABLE, config_of

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
FORMS = {"traite": "aForm567890", "trafic": "aForm567891"}
EVIL = "bob\x1b[2J\u202e http://ailleurs.example/jeton"


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data" / "anltp.db", KEY) as opened:
        yield opened


def pulled(answering, store: Store, forms=FORMS, **options) -> PullReport:
    with stub(answering) as (base, _), KoboClient(base, "t" * 40, retries=0) as client:
        source = SourceConfig(name="kobo-anltp", url=base, token_env="T", forms=forms)
        return pull(source, store, KoboSource(client), now=NOW, **options)


def received(store: Store) -> dict[str, int]:
    return dict(store.connection.execute("SELECT form, count(*) FROM submission GROUP BY form").fetchall())


# --- One form's history is not the next form's matter -----------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 2])
def test_a_history_that_cannot_be_read_stops_no_form(store, page):
    plain = kobo({1: whole(1)})
    asked = 0

    def answering(request: Heard) -> Said:
        nonlocal asked
        if not request.path.endswith("/history/"):
            return plain(request)
        asked += 1
        if asked % 2 == page % 2:
            return Said("", 504, "text/html")
        return Said({"count": 0, "next": None, "results": []})

    report = pulled(answering, store)
    assert received(store) == {"trafic": 1, "traite": 1} and not report.problems
    assert sum("historique" in warning for warning in report.warnings) == 2
    facts = "SELECT form, value FROM source_fact WHERE name = 'history_failed' ORDER BY form"
    assert store.connection.execute(facts).fetchall() == [("trafic", "oui"), ("traite", "oui")]
    assert not store.connection.execute("SELECT 1 FROM source_fact WHERE name = 'history_read_to'").fetchall()
    pulled(plain, store)
    assert store.connection.execute(facts).fetchall() == [("trafic", "non"), ("traite", "non")]


# --- A server that sends without end ----------------------------------------------------------------------------------


def test_a_disk_nearly_full_stops_the_source_and_keeps_what_came(store, monkeypatch):
    pulled(kobo({1: whole(1)}), store)
    monkeypatch.setattr(pull_room, "LEAST_FREE", 1 << 60)
    monkeypatch.setattr(pull_room, "LEAST_SHARE", 1.1)
    with pytest.raises(NoRoom, match="place"):
        pulled(kobo({1: whole(1), 2: whole(2)}), store)
    assert received(store) == {"traite": 1, "trafic": 1}


def test_a_night_takes_so_many_bytes_of_a_source_and_no_more(store, monkeypatch):
    monkeypatch.setattr(pull_room, "MOST_BYTES", 40_000)
    rows = {n: whole(n, note="x" * 1000) for n in range(1, 31)}
    with pytest.raises(NoRoom, match="en une nuit"):
        pulled(kobo(rows), store)
    assert received(store) == {"traite": 30}, "counted over all forms"
    monkeypatch.undo()
    assert pulled(kobo(rows), store).new == 30


def test_bytes_of_rows_that_are_refused_count_too(store, monkeypatch):
    monkeypatch.setattr(pull_room, "MOST_BYTES", 40_000)
    bad = {n: whole(n, note="\ud83d" + "x" * 1000) for n in range(1, 51)}
    with pytest.raises(NoRoom):
        pulled(kobo(bad), store)


def test_an_index_that_does_not_end_is_given_up(store, monkeypatch):
    monkeypatch.setattr(pull_room, "MOST_ROWS", 250)

    def answering(request: Heard) -> Said:
        if not request.path.endswith("/data/"):
            return kobo({})(request)
        after = json.loads(request.params["query"]).get("_id", {}).get("$gt", 0)
        results = [{"_id": after + n, "_uuid": f"u{after + n}"} for n in range(1, 101)]
        return Said({"count": 10**12, "next": None, "results": results if "fields" in request.params else []})

    with pytest.raises(UnexpectedAnswer, match="ne finit pas"):
        pulled(answering, store)


def test_rows_without_a_key_without_end_are_given_up(store, monkeypatch):
    monkeypatch.setattr(source_module, "MOST_KEYLESS", 250)

    def answering(request: Heard) -> Said:
        if not request.path.endswith("/data/"):
            return kobo({})(request)
        rows = [{"_id": 10**9}] if request.params.get("limit") == "1" else [{"_id": f"x{n}"} for n in range(100)]
        return Said({"count": 10**12, "next": None, "results": rows if "fields" in request.params else []})

    with pytest.raises(UnexpectedAnswer, match="sans identifiant"):
        pulled(answering, store)


# --- Threads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
def test_a_pull_that_breaks_leaves_no_thread_asking(store, monkeypatch, first):
    from kobo_sync import pull as module

    rows = {n: whole(n) for n in range(1, 1001)}
    if not first:
        pulled(kobo({1: rows[1]}), store, {"traite": FORMS["traite"]})

    write, calls = module.write_new_rows, []

    def broken(*args: object) -> None:
        calls.append(1)
        if len(calls) > 2:  # by now the pages ahead are asked for
            raise RuntimeError
        write(*args)

    monkeypatch.setattr(module, "write_new_rows", broken)
    with pytest.raises(RuntimeError) as caught:  # which keeps the frames, and so the generators, alive
        pulled(kobo(rows), store, {"traite": FORMS["traite"]})
    assert caught and not [thread.name for thread in threading.enumerate() if thread.name.startswith("pages")]


# --- The server's words -----------------------------------------------------------------------------------------------


def test_the_name_that_a_server_gives_us_is_not_repeated(store):
    rows = {1: whole(1), 2: whole(2)}
    seen = {"effective_permissions": [{"codename": "view_submissions"}]}
    hides = {"effective_permissions": [{"codename": "partial_submissions"}]}

    def named(name: str, asset):
        plain = kobo(rows, asset=asset)
        return lambda request: Said({"username": name}) if request.path == "/me/" else plain(request)

    report = pulled(named(EVIL, hides), store, {"traite": FORMS["traite"]})
    (warning,) = report.warnings
    assert "kobo-anltp" in warning and "bob" not in warning and "http" not in warning
    del rows[2]
    pulled(named(EVIL, seen), store, {"traite": FORMS["traite"]})
    del rows[1]
    pulled(named("sync@exemple.org", seen), store, {"traite": FORMS["traite"]})
    proofs = [json.loads(text) for (text,) in store.connection.execute("SELECT evidence FROM deletion ORDER BY id")]
    assert [proof.get("account") for proof in proofs] == [None, "sync@exemple.org"]


# --- One source is not the next source's matter -----------------------------------------------------------------------


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Two servers with a row each, and their configuration."""
    monkeypatch.setenv(STORE_VARIABLE, KEY.hex())
    monkeypatch.setenv(PSEUDONYM_VARIABLE, "cd" * 32)
    with place("kobo", tmp_path, "kobo-anltp") as first, place("kobo", tmp_path, "kobo-ong") as second:
        for number, each in enumerate((first, second)):
            monkeypatch.setenv(f"SECRET_{number}", each.secret)
            each.add("Alpha")
        yield config_of(tmp_path, first, second)


def failing(monkeypatch, name: str, error: BaseException) -> None:
    """A step of a source's pull fails for the first source."""
    real = getattr(run_module, name)

    def broken(*args, **options):
        if any(getattr(each, "name", "") == "kobo-anltp" for each in args):
            raise error
        return real(*args, **options)

    monkeypatch.setattr(run_module, name, broken)


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), RuntimeError("Zeinabou"), KeyError("Zeinabou")])
def test_an_unforeseen_error_of_one_source_stops_no_other(two, monkeypatch, error):
    failing(monkeypatch, "pull", error)
    report = pull_only(two, now=NOW)
    assert list(report.pulls) == ["kobo-ong"] and report.pulls["kobo-ong"].new == 1
    (problem,) = report.problems
    assert problem.startswith("kobo-anltp : ") and type(error).__name__ in problem and "Zeinabou" not in problem


def test_an_unforeseen_error_of_the_files_leaves_the_rows(two, monkeypatch):
    failing(monkeypatch, "fetch_source", KeyError("Zeinabou"))
    report = pull_only(two, now=NOW)
    assert {name: pulled.new for name, pulled in report.pulls.items()} == {"kobo-anltp": 1, "kobo-ong": 1}
    assert len(report.problems) == 1 and "Zeinabou" not in report.problems[0]


@pytest.mark.parametrize("error", [StoreError("La base est abîmée"), Stopped(), KeyboardInterrupt()])
def test_the_store_and_a_stop_end_the_run(two, monkeypatch, error):
    failing(monkeypatch, "pull", error)
    with pytest.raises(type(error)):
        pull_only(two, now=NOW)
