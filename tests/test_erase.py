"""A person's right to be erased: her name is nowhere in the store, does not come back, and the counts remain."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.attachments import folder
from kobo_sync.config import Config
from kobo_sync.demo_server import serve
from kobo_sync.erase import erase, export_erasures, finish, plan, rehearse, replay_erasures, unfinished
from kobo_sync.errors import StoreError
from kobo_sync.rebuild import RebuildReport, rebuild
from kobo_sync.store import Store
from tests.case_server_fixture import CODE, Server, victim
from tests.demo_server_fixture import LEAD, USERS
from tests.erase_fixture import (
    FAMILY,
    GIVEN,
    HER,
    KEY,
    NOW,
    OTHER,
    SIS,
    SOURCE,
    case,
    configured,
    fill,
    opened,
    pages,
    receive,
)  # fmt: skip

REASON = "demande écrite du 3 novembre"
HERS = (GIVEN, FAMILY, FAMILY.upper(), "2013-05-17")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path)


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    with opened(config) as store:
        fill(store, config)
        yield store


def found(store: Store, names: tuple[str, ...] = HERS) -> list[str]:
    """Which of the names any page of the file, or of its journal, holds."""
    content = pages(store.path)
    return [name for name in names if name.encode() in content]


def counts(store: Store) -> Any:
    return store.connection.execute(
        "SELECT record_id, person_id, sex, age, age_group, child_in_law, classification, counted_status, counted"
        " FROM victims ORDER BY record_id"
    ).fetchall()


def test_her_name_is_in_no_page_of_the_file_and_every_count_remains(store: Store, config: Config) -> None:
    assert found(store) == list(HERS)
    before, report = counts(store), rebuild(store, config, now=NOW)
    assert report.linked_persons == 2
    done = erase(store, config, plan(store, "ABCD 2345-v1"), by="dpo", reason=REASON, now=NOW)
    assert (done.submissions, done.revisions, done.quarantine) == (2, 3, 1)
    assert found(store) == []
    assert found(store, (OTHER, "2012-02-01")) == [OTHER, "2012-02-01"]  # her sister asked nothing
    assert counts(store) == before
    identities = [row[0] for row in store.connection.execute("SELECT record_id FROM identity ORDER BY 1")]
    assert identities == [f"{SOURCE}/traite/1#ABCD2345-V2", f"{SOURCE}/traite/3#JKMN2345-V1"]
    again: RebuildReport = rebuild(store, config, now=NOW)
    assert (again.persons, again.linked_persons) == (report.persons, 2)


def test_a_rehearsal_says_the_numbers_and_changes_nothing(store: Store) -> None:
    before = store.received_digest(), found(store)
    said = rehearse(store, plan(store, "ABCD2345-V1"))
    assert said.submissions == 2 and said.answers == 10
    assert (store.received_digest(), found(store)) == before
    assert not export_erasures(store)


def test_only_this_record_or_the_whole_case_or_the_person_by_number(store: Store, config: Config) -> None:
    assert len(plan(store, "ABCD2345-V1", only=True).targets) == 1
    person = store.connection.execute("SELECT person_id FROM victims WHERE victim_code = 'EFGH2345-V1'").fetchone()[0]
    assert set(plan(store, person).targets) == set(plan(store, "EFGH2345-V1").targets)
    assert len(plan(store, person).targets) == 2
    erase(store, config, plan(store, "ABCD2345"), by="dpo", reason=REASON, now=NOW)
    assert found(store, (OTHER, FAMILY)) == [FAMILY]  # still in her other case
    erase(store, config, plan(store, f"{SOURCE}/traite/2"), by="dpo", reason=REASON, now=NOW)
    assert found(store, (OTHER, FAMILY)) == []


def test_nothing_comes_back_edited_or_sent_again_under_a_new_number(store: Store, config: Config) -> None:
    erase(store, config, plan(store, "ABCD2345-V1"), by="dpo", reason=REASON, now=NOW)
    held = store.received_digest()
    receive(store, 1, case("ABCD2345", HER | {"v_sexe": "F", "v_nom": FAMILY.upper()}, SIS), _uuid="edit1")
    assert store.received_digest() == held  # read again whole: no news
    receive(store, 1, case("ABCD2345", HER | {"v_sante": "good"}, SIS), _uuid="edit2")
    receive(store, 71, case("ABCD2345", HER, SIS), **{"meta/rootUuid": "uuid:root1"})
    receive(store, 72, case("ABCD2345", HER, SIS), _uuid="edit1", **{"meta/rootUuid": ""})
    store.quarantine_enter(
        submission_key=None, source=SOURCE, form="traite", remote_key=None, instance_uuid="edit1", stage="pull",
        reason_code="x", message="m", at="2026-11-03T00:00:00+00:00", raw_json=json.dumps(case("ABCD2345", HER)),
    )  # fmt: skip
    rebuild(store, config, now=NOW)
    assert found(store) == []


def test_a_deleted_submission_is_emptied_too(store: Store, config: Config) -> None:
    store.connection.execute(
        "INSERT INTO deletion (submission_key, kind, seen_at, evidence) VALUES (?, 'deleted', 'x', '')",
        (f"{SOURCE}/traite/2",),
    )
    rebuild(store, config, now=NOW)
    erase(store, config, plan(store, "ABCD2345-V1"), by="dpo", reason=REASON, now=NOW)
    assert found(store) == []


def test_an_older_backup_is_emptied_by_the_list_which_names_nobody(
    store: Store, config: Config, tmp_path: Path
) -> None:
    store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old = tmp_path / "old" / "anltp.db"
    old.parent.mkdir()
    old.write_bytes(store.path.read_bytes())
    erase(store, config, plan(store, "ABCD2345-V1"), by="dpo", reason=REASON, now=NOW)
    lines = export_erasures(store)
    assert lines == (config.data_dir / "effacements.jsonl").read_text(encoding="utf-8").splitlines()
    assert not any(name in line for name in HERS for line in lines)
    with Store.open(old, KEY) as restored:
        assert found(restored) == list(HERS)
        assert replay_erasures(restored, lines, "2026-11-25T00:00:00+00:00") == len(lines)
        assert found(restored) == []
        report = rebuild(restored, config, now=NOW)
        assert report.linked_persons == 2 and counts(restored) == counts(store)
        assert restored.received_digest() == store.received_digest()
        assert replay_erasures(restored, lines, "2026-11-25T00:00:00+00:00") == 0
        with pytest.raises(StoreError, match="effacements"):
            replay_erasures(restored, ["{"], "2026-11-25T00:00:00+00:00")


def test_the_files_of_a_submission_go_with_it_but_not_in_a_rehearsal(store: Store, config: Config) -> None:
    files = folder(store)
    files.mkdir(parents=True)
    (files / "sealed").write_bytes(b"x")
    receive(store, 8, {"form_release": "fournisseur-0123456789", "pf_nom": FAMILY}, form="fournisseur")
    key = f"{SOURCE}/fournisseur/8"
    store.connection.execute(
        "INSERT INTO attachment (submission_key, name, remote_id, question, mimetype, state, stored_as, seen_at)"
        " VALUES (?, ?, '1', 'q', 'm', 'fetched', 'sealed', 'x')",
        (key, f"{FAMILY}.pdf"),
    )
    assert rehearse(store, plan(store, key)).files == 1 and (files / "sealed").exists()
    assert erase(store, config, plan(store, key), by="dpo", reason=REASON, now=NOW).files == 1
    assert not (files / "sealed").exists()
    assert not store.connection.execute("SELECT 1 FROM attachment WHERE name LIKE ?", (f"%{FAMILY}%",)).fetchone()


def test_the_record_of_it_says_who_why_and_how_much(store: Store, config: Config) -> None:
    erase(store, config, plan(store, "ABCD2345-V1"), by="dpo", reason=REASON, now=NOW)
    by, reason, kind, subject, text = store.connection.execute(
        "SELECT by_whom, reason, kind, subject, counts_json FROM erasure"
    ).fetchone()
    assert (by, reason, kind, subject) == ("dpo", REASON, "person", "ABCD2345-V1")
    assert json.loads(text)["revisions"] == 3
    assert [row[0] for row in store.connection.execute("SELECT action FROM audit")] == ["erase", "scrub"]


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_killed_after_the_transaction_it_says_so_and_is_finished(store: Store, config: Config) -> None:
    script = (
        "import os, signal\nfrom tests.erase_fixture import *\nfrom kobo_sync import erase as work\n"
        "from pathlib import Path\nfrom kobo_sync.config import load_config\n"
        "work.scrub = lambda store: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"config = load_config(Path({str(config.path)!r}))\nstore = opened(config)\n"
        "work.erase(store, config, work.plan(store, 'ABCD2345-V1'), by='dpo', reason='r', now=NOW)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent.parent, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    assert unfinished(store)
    assert not store.connection.execute("SELECT 1 FROM revision WHERE raw_json LIKE ?", (f"%{FAMILY}%",)).fetchone()
    finish(store, config, now=NOW)
    assert not unfinished(store) and found(store) == []


def test_the_command_rehearses_asks_and_says_what_remains(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", KEY.hex())
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "cd" * 32)
    with opened(config) as store:
        fill(store, config)

    def run(*words: str, said: str = "") -> Any:
        return CliRunner().invoke(cli.app, ["erase", *words, "--config", str(config.path)], input=said)

    assert run("ABCD2345-V1", "--by", "dpo").exit_code == 2  # without a reason
    assert run().exit_code == 2
    words = ("ABCD2345-V1", "--reason", "demande écrite", "--by", "dpo")
    refused = run(*words, said="n\n")
    assert refused.exit_code == 1 and "Rien n’a été effacé" in refused.output
    with opened(config) as store:
        assert found(store) == list(HERS)
    assert run(*words, said="").exit_code == 1, "nobody at the keyboard is no"
    done = run(*words, said="peut-être\noui\n")
    assert done.exit_code == 0, done.output
    assert "[o/N]" in done.output and "Répondez o (oui) ou n (non)" in done.output
    assert not any(name in done.output for name in (*HERS, OTHER))
    text = re.sub(r"\s+", " ", done.output)
    assert "2 fiche(s), 3 version(s)" in text and "2026-T2" in text and "effacements.jsonl" in text
    assert f"{SOURCE} · traite · fiche 2 : vider les réponses de EFGH2345-V1" in text
    assert "/data/table ; filtrer la colonne _id sur 2)" in text
    unknown = CliRunner().invoke(cli.app, ["erase", "ABCD2346", *words[1:], "--config", str(config.path)])
    assert isinstance(unknown.exception, StoreError) and "ABC D23 45" in str(unknown.exception)


def test_a_real_server_that_still_has_her_name_does_not_bring_it_back(tmp_path: Path) -> None:
    with serve(tmp_path / "server.db", users=USERS) as url:
        server = Server(url, tmp_path)
        first = server.send([victim(1, v_prenom=GIVEN, v_nom=FAMILY), victim(2, v_nom=OTHER)])
        server.pull()
        with opened(server.config) as store:
            rebuild(store, server.config, now=NOW)
            erase(store, server.config, plan(store, f"{CODE}-V1"), by="dpo", reason=REASON, now=NOW)
            lines = export_erasures(store)
        server.send(
            [victim(1, v_prenom=GIVEN, v_nom=FAMILY, v_age="13"), victim(2, v_nom=OTHER)], replaces=first, by=LEAD
        )
        server.pull()
        with opened(server.config) as store:
            assert store.connection.execute("SELECT count(*) FROM revision").fetchone()[0] == 2
            assert found(store, (GIVEN, FAMILY, OTHER)) == [OTHER]
        # A machine that never held the store: the list first, then everything from the server.
        server.config.store_path.unlink()
        with opened(server.config) as store:
            assert replay_erasures(store, lines, "2026-11-25T00:00:00+00:00") == len(lines)
        server.pull()
        with opened(server.config) as store:
            assert store.connection.execute("SELECT count(*) FROM revision").fetchone()[0] == 1
            assert found(store, (GIVEN, FAMILY, OTHER)) == [OTHER]
