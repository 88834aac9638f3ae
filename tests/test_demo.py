"""`kobo-sync demo`: the outcome it planned, the truth its cases were made from, and no name left behind."""

from __future__ import annotations

import itertools
import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner, Result

from kobo_sync import cli
from kobo_sync.attachments import read_file
from kobo_sync.config import load_config
from kobo_sync.demo import people
from kobo_sync.demo.plan import load
from kobo_sync.errors import KoboSyncError
from kobo_sync.keys import load_keys
from kobo_sync.store import Store
from tests.canary import leaks
from tests.demo_run import DemoRun, run_demo

PROJECT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    return run_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def store(demo: DemoRun) -> Store:
    config = load_config(demo.config)
    return Store.open(config.store_path, load_keys(config).store)


def test_it_ends_well_and_says_so_in_french(demo: DemoRun) -> None:
    assert demo.returncode == 0, demo.output
    assert "La démonstration a donné le résultat prévu." in demo.output
    for word in ("Fiches transférées", "En quarantaine", "Supprimées", "Fichiers écrits"):
        assert word in demo.output
    received = re.search(r"Nouvelles\s+│\s+([\d\u202f]+)\s+│\s+(\d+)", demo.output)
    assert received and int(received[1]) >= 300 and int(received[2]) < 20


def test_it_fetches_the_copy_of_a_signed_memorandum_and_says_so(demo: DemoRun, store: Store) -> None:
    assert "Copies de protocoles signés, gardées chiffrées : 1" in demo.output
    (state,) = store.connection.execute("SELECT state FROM attachment").fetchall()
    assert state == ("fetched",)
    content = read_file(store, load_keys(load_config(demo.config)).store, 1)
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")


def test_it_writes_each_period_of_its_cases(demo: DemoRun) -> None:
    written = {path.relative_to(demo.outputs).as_posix() for path in demo.outputs.rglob("*") if path.is_file()}
    for quarter in ("2025-T3", "2025-T4", "2026-T1", "2026-T2"):
        assert f"{quarter}/ANLTP_fichier-consolide_{quarter}.xlsx" in written
    for semester in ("2025-S2", "2026-S1"):
        assert f"{semester}/INS_classeur-semestriel_{semester}.xlsx" in written
    assert all(path.endswith(".xlsx") for path in written)


def test_its_workbooks_say_that_the_cases_are_invented(demo: DemoRun) -> None:
    for path in demo.outputs.rglob("*.xlsx"):
        first = load_workbook(path, read_only=True).worksheets[0]
        assert any("données inventées" in str(cell) for row in first.iter_rows(values_only=True) for cell in row), path


def test_no_name_is_left_anywhere(demo: DemoRun) -> None:
    names = people.canaries(load().seed)
    assert len(names) > 50
    home, scratch = demo.folder / "home", demo.folder / "tmp"
    assert leaks([demo.folder], names) == []
    assert leaks([PROJECT / "kobo_sync", PROJECT / "outputs"], names, demo.started) == []
    assert not [path for path in (*home.rglob("*"), *scratch.rglob("*")) if path.is_file()]


def test_the_search_would_find_a_name(tmp_path: Path) -> None:
    (name,) = people.canaries(load().seed)[:1]
    (tmp_path / "a.txt").write_bytes(b"\x00" + name.upper().encode("utf-16-le"))
    (tmp_path / "b.txt").write_text("rien", encoding="utf-8")
    assert leaks([tmp_path], [name]) == [str(tmp_path / "a.txt")]


def test_the_names_did_reach_the_store(store: Store) -> None:
    (known,) = store.connection.execute("SELECT count(*) FROM identity WHERE family_name IS NOT NULL").fetchone()
    assert known > 300


def test_what_the_plan_spoiled_is_in_quarantine_or_flagged(store: Store) -> None:
    plan = load()
    mended = {plan.root_file(a.file) for a in plan.actions if a.day == 2 and a.kind == "edit"}
    (waiting,) = store.connection.execute("SELECT count(*) FROM quarantine WHERE released_at IS NULL").fetchone()
    assert waiting == len(set(plan.truth.quarantined) - mended)
    codes = {plan.by_file[file].code: question for file, question in plan.truth.flagged.items()}
    flagged = store.frame("SELECT case_code, field FROM quality WHERE rule LIKE 'bad_%'")
    assert dict(zip(flagged["case_code"], flagged["field"], strict=True)) == codes


def test_persons_are_linked_as_the_truth_says(store: Store) -> None:
    plan = load()
    key_of = {f"{s.code}-V{n}": p.key for s in plan.submissions for n, p in enumerate(s.persons, start=1)}
    rows = store.connection.execute(
        "SELECT victim_code, person_id FROM victims JOIN identity USING (record_id)"
        " WHERE given_name IS NOT NULL OR family_name IS NOT NULL"
    ).fetchall()
    truth, found = defaultdict(list), defaultdict(list)
    for code, person in rows:
        truth[key_of[code]].append(code)
        found[person].append(code)
    true = {pair for codes in truth.values() for pair in itertools.combinations(sorted(codes), 2)}
    said = {pair for codes in found.values() for pair in itertools.combinations(sorted(codes), 2)}
    precision, recall = len(true & said) / len(said), len(true & said) / len(true)
    # Measured 0.96 and 0.93; the floors leave room for a change of the cases, not of the method.
    assert precision >= 0.92 and recall >= 0.88, (precision, recall)


@pytest.mark.parametrize(("form", "least_told_twice"), [("trafic", 8), ("traite", 20)])
def test_events_told_by_several_bodies_are_one(store: Store, form: str, least_told_twice: int) -> None:
    true = {s.code: s.event for s in load().submissions}
    told, joined = defaultdict(set), defaultdict(set)
    for code, event in store.connection.execute("SELECT case_code, event_id FROM events WHERE form = ?", (form,)):
        told[true[code]].add(code)
        joined[event].add(code)
    several = [codes for codes in told.values() if len(codes) > 1]
    assert len(several) >= least_told_twice
    whole = [codes for codes in several if codes in joined.values()]
    wrong = [codes for codes in joined.values() if len({true[code] for code in codes}) > 1]
    # Measured: one true group of three found as two, one pair of trucks of a place and day taken for one.
    assert len(whole) >= 0.9 * len(several) and len(wrong) <= 1, (several, wrong)


def test_a_decision_on_a_pair_is_kept_and_respected(demo: DemoRun, store: Store, tmp_path: Path) -> None:
    left, right = store.connection.execute(
        "SELECT left_code, right_code FROM links WHERE kind = 'person' AND decision = 'ask' ORDER BY probability DESC"
    ).fetchone()
    own = tmp_path / "demo"
    shutil.copytree(demo.folder / "demo-data", own)
    config = own / "config.yaml"
    config.write_text(config.read_text().replace(str(demo.folder / "demo-data"), str(own)))

    def type_in(*words: str) -> Result:
        return CliRunner().invoke(cli.app, [*words, "--config", str(config)])

    def persons() -> list[str]:
        settings = load_config(config)
        with Store.open(settings.store_path, load_keys(settings).store) as opened:
            return [
                opened.connection.execute("SELECT person_id FROM victims WHERE victim_code = ?", (code,)).fetchone()[0]
                for code in (left, right)
            ]

    before = persons()
    assert before[0] != before[1]
    done = type_in("decide", left, right, "meme", "--by", "gestionnaire", "--reason", "dossiers comparés")
    assert done.exit_code == 0, done.output
    assert type_in("rebuild").exit_code == 3  # the plan's quarantine is still there
    joined = persons()
    assert joined[0] == joined[1] and joined[0] in before
    type_in("decide", left, right, "different", "--by", "gestionnaire", "--reason", "relu")
    type_in("rebuild")
    apart = persons()
    assert apart[0] != apart[1] and joined[0] in apart
    unknown = type_in("decide", left, "ZZZZZZZZ-V1", "meme", "--by", "x", "--reason", "x")
    assert unknown.exit_code == 1 and isinstance(unknown.exception, KoboSyncError)


def test_a_folder_that_is_not_a_demonstration_is_left_alone(tmp_path: Path) -> None:
    from rich.console import Console

    from kobo_sync.demo.play import play

    (tmp_path / "precieux.txt").write_text("à garder", encoding="utf-8")
    with pytest.raises(KoboSyncError, match="n’est pas celui d’une démonstration"):
        play(tmp_path, tmp_path / "out", Console(), Console(), "fr")
    assert (tmp_path / "precieux.txt").exists()
