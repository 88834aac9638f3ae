"""The rebuild: the same from the same data, one bad record never stops the others, no identifier is given twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kobo_sync.config import Config, load_config
from kobo_sync.config_accounts import AccountConfig
from kobo_sync.errors import StoreError
from kobo_sync.outputs import periods_of, read_frames
from kobo_sync.quarantine_words import waiting
from kobo_sync.rebuild import rebuild
from kobo_sync.received_rows import Refused, read_row
from kobo_sync.show import print_status
from kobo_sync.store import Store
from kobo_sync.store_receive import write_deletion, write_row
from tests.store_fixture import AT, KEY
from tests.transform_fixture import declaration, fournisseur, suivi, traite
from transforms.derived_tables import CLOSED

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anltp.db", KEY) as opened:
        yield opened


@pytest.fixture
def config() -> Config:
    return load_config(Path(__file__).parent.parent / "config.yaml")


def receive(store: Store, number: int, raw: dict[str, Any], form: str = "traite", **system: Any) -> None:
    row = read_row(
        raw
        | {"_id": number, "_uuid": f"u{number}", "meta/rootUuid": f"uuid:u{number}", "_submitted_by": "pol_nia"}
        | {"_submission_time": "2026-04-15T10:00:00", "_validation_status": {}}
        | system
    )
    assert not isinstance(row, Refused)
    with store.transaction():
        write_row(store, "kobo-anltp", form, row, AT)


def sound(code: str) -> dict[str, Any]:
    return traite(code, **{"declaration/entite": "POL_NIA"})


def test_a_rebuild_gives_the_same_and_allocates_nothing_twice(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345"))
    receive(store, 2, sound("BBBB2345"))
    first = rebuild(store, config, now=NOW)
    before = store.frame("SELECT * FROM victims ORDER BY record_id"), len(store.ledger("person"))
    assert rebuild(store, config, now=NOW) == first
    after = store.frame("SELECT * FROM victims ORDER BY record_id"), len(store.ledger("person"))
    assert after[0].equals(before[0]) and after[1] == before[1] == 2


@pytest.mark.parametrize(
    "system",
    [
        {"_submission_time": "Zinariya"},
        {"_submission_time": "0001-01-01T00:00:00+14:00"},
        {"_validation_status": {"uid": "validation_status_approved", "by_whom": "c", "timestamp": 1e20}},
        {"_validation_status": {"uid": "validation_status_approved", "by_whom": "c", "timestamp": 1795524323000}},
    ],
)
def test_nonsense_from_the_server_does_not_stop_the_night(store: Store, config: Config, system: dict[str, Any]) -> None:
    receive(store, 1, sound("AAAA2345"), **system)
    assert rebuild(store, config, now=NOW).submissions == 1


def test_an_unforeseen_error_sets_one_record_aside_without_its_text(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kobo_sync import rebuild_read as module

    real = module.map_submission

    def failing(key: str, form: str, raw: Any) -> Any:
        if raw["code_evenement"] == "AAAA2345":
            raise RuntimeError("Zinariya")
        return real(key, form, raw)

    monkeypatch.setattr(module, "map_submission", failing)
    receive(store, 1, sound("AAAA2345"))
    receive(store, 2, sound("BBBB2345"))
    report = rebuild(store, config, now=NOW)
    assert (report.submissions, report.quarantined) == (1, 1)
    (message,) = store.frame("SELECT message FROM quarantine")["message"]
    assert "RuntimeError" in message and "Zinariya" not in message


def test_the_night_writes_no_period_of_long_ago(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345") | {"fait/date_detection": "1950-01-01"})
    receive(store, 2, sound("BBBB2345"))
    rebuild(store, config, now=NOW)
    labels = [period.label for period in periods_of(read_frames(store), NOW.date())]
    assert labels == ["2026-T2", "2026-S1", "2026-T3"]


NAMED = {"v_nom": "Canarinom", "v_prenom": "Canariprenom", "v_cle": "mt.sb-F-2014", "v_date_naissance": "2013-05-06"}


def identities(store: Store) -> list[str]:
    rows = store.connection.execute("SELECT record_id FROM identity ORDER BY record_id").fetchall()
    return [row[0] for row in rows]


def test_every_form_is_laid_in_its_table_and_counted(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345"))
    receive(store, 2, suivi("AAAA2345", entite="ONG_NIA"), "suivi")
    receive(store, 3, fournisseur(org_code="POL_NIA"), "fournisseur")
    receive(store, 4, declaration(entite="POL_NIA"), "declaration")
    receive(store, 5, declaration(annee="Zinariya"), "declaration")
    receive(store, 6, suivi("BBBB2345", c_sexe="M"), "suivi")
    report = rebuild(store, config, now=NOW)
    assert (report.submissions, report.follow_ups, report.provider_entries, report.declarations) == (1, 2, 1, 1)
    assert (report.quarantined, report.follow_ups_waiting) == (1, 1)
    assert list(store.frame("SELECT state FROM followups ORDER BY submission_key")["state"]) == [
        "matched", "unknown_case",
    ]  # fmt: skip
    assert list(store.frame("SELECT quarter FROM declarations")["quarter"]) == ["2026-T3"]
    assert list(store.frame("SELECT rule FROM quality WHERE form = 'suivi'")["rule"]) == ["follow_unknown_case"]
    # A declaration is never a case.
    assert store.frame("SELECT count(*) AS n FROM events")["n"].item() == 1
    assert rebuild(store, config, now=NOW) == report


def test_a_report_sees_neither_names_nor_keys_nor_telephones(store: Store, config: Config) -> None:
    receive(store, 1, traite("AAAA2345", victims=[NAMED], **{"declaration/entite": "POL_NIA"}))
    receive(store, 2, fournisseur(pf_nom="Canarinom", pf_tel="+227 99 88 77 66"), "fournisseur")
    rebuild(store, config, now=NOW)
    assert len(identities(store)) == 1
    (phone,) = store.connection.execute("SELECT focal_phone FROM provider_contacts").fetchone()
    assert phone == "+227 99 88 77 66"
    for closed in CLOSED:
        with pytest.raises(StoreError):
            store.frame(f"SELECT * FROM {closed}")
    tables = store.derived_tables() - set(CLOSED)
    assert {"provider_entries", "victims", "quality"} <= tables
    told = " ".join(store.frame(f"SELECT * FROM {name}").to_csv() for name in tables)
    for secret in ("Canarinom", "Canariprenom", "mt.sb", "2013-05-06", "99 88 77"):
        assert secret not in told
    for frame in read_frames(store).values():
        assert "Canari" not in frame.to_csv() and "mt.sb" not in frame.to_csv()


@pytest.mark.parametrize(("what", "consent"), [("partage", "no_share"), ("tout", "refused")])
def test_a_withdrawal_takes_the_name_out_of_identities_and_linkage_the_same_night(
    store: Store, config: Config, what: str, consent: str
) -> None:
    receive(store, 1, traite("AAAA2345", victims=[NAMED], **{"declaration/entite": "POL_NIA"}))
    receive(store, 2, traite("BBBB2345", victims=[NAMED], **{"declaration/entite": "OIM_NIA"}))
    before = rebuild(store, config, now=NOW)
    assert len(identities(store)) == 2 and before.linked_persons == 2
    receive(store, 3, suivi("AAAA2345", suivi_types="withdrawal", retrait=what, retrait_date="2026-05-20"), "suivi")
    after = rebuild(store, config, now=NOW)
    assert identities(store) == ["kobo-anltp/traite/2#BBBB2345-V1"] and after.linked_persons == 0
    assert store.frame("SELECT count(*) AS n FROM links WHERE kind = 'person'")["n"].item() == 0
    victims = store.frame("SELECT consent, age_group FROM victims ORDER BY victim_code")
    assert victims.values.tolist() == [[consent, "0-17"], ["full", "0-17"]]
    assert (after.victim_records, after.submissions) == (before.victim_records, before.submissions)


def test_a_withdrawal_that_differs_changes_nothing_and_one_that_applied_outlives_its_follow_up(
    store: Store, config: Config
) -> None:
    receive(store, 1, traite("AAAA2345", victims=[NAMED], **{"declaration/entite": "POL_NIA"}))
    receive(store, 2, suivi("AAAA2345", suivi_types="withdrawal", retrait="tout", c_tranche="15-17"), "suivi")
    assert rebuild(store, config, now=NOW).follow_ups_waiting == 1 and len(identities(store)) == 1
    receive(store, 3, suivi("AAAA2345", suivi_types="withdrawal", retrait="tout"), "suivi")
    assert rebuild(store, config, now=NOW).follow_ups == 2 and identities(store) == []
    with store.transaction():
        write_deletion(store, "kobo-anltp/suivi/3", "deleted", {"sweeps": 2, "status": 404}, AT)
    assert rebuild(store, config, now=NOW).follow_ups == 1 and identities(store) == []


def status(store: Store) -> str:
    out = Console(width=200, force_terminal=False, record=True, file=StringIO())
    print_status(out, store)
    return out.export_text()


def test_status_says_what_is_held_and_what_waits(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345"))
    receive(store, 2, suivi("BBBB2345"), "suivi")
    receive(store, 3, declaration(entite="POL_NIA"), "declaration")
    rebuild(store, config, now=NOW)
    said = status(store)
    assert "1 cas ; 1 suivi(s) ; 1 déclaration(s) ; 0 fiche(s) du registre" in said
    assert "1 suivi(s) en attente" in said


def test_status_tells_a_quarantine_in_the_words_of_the_form(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345"))
    store.quarantine_enter(
        source="kobo-anltp", form="traite", remote_key="1", instance_uuid="u", stage="mapping",
        reason_code="bad_number", message="Question « v_age » : « x » n’est pas un nombre entier positif.",
        raw_json=None, at=AT, submission_key="kobo-anltp/traite/1",
    )  # fmt: skip
    (told,) = waiting(store)
    assert told[:3] == ("kobo-anltp/traite/1", "AAA A23 45", "nombre illisible")
    assert "» (v_age) : « x »" in told[3] and "Question « v_age »" not in told[3]


def test_status_asks_for_a_rebuild_when_an_older_release_laid_the_tables(store: Store, config: Config) -> None:
    store.replace_derived({"events": ({"case_code": str}, [])}, {"code_version": "0", "code_list_version": "0"})
    assert "kobo-sync rebuild" in status(store)


def test_a_withdrawal_is_recorded_once_lasts_and_what_kobo_still_shows_is_told(store: Store, config: Config) -> None:
    receive(store, 1, traite("AAAA2345", victims=[NAMED], **{"declaration/entite": "POL_NIA"}))
    told = {"suivi_types": "withdrawal", "retrait": "tout", "retrait_date": "2026-05-20"}
    receive(store, 2, suivi("AAAA2345", entite="POL_NIA", **told), "suivi")
    first = rebuild(store, config, now=NOW)
    (decision,) = store.decisions("withdrawal")
    assert (decision.subject, decision.value, decision.by_whom) == ("AAAA2345-V1", "tout", "pol_nia")
    assert decision.reason.split()[0] == "kobo-anltp/suivi/2" and decision.at == NOW.isoformat()
    with store.transaction():
        write_deletion(store, "kobo-anltp/suivi/2", "deleted", {}, AT)
    second = rebuild(store, config, now=NOW)
    assert identities(store) == [] and store.decision_history("withdrawal") == [decision]
    assert first.names_to_erase == second.names_to_erase == 1
    out = StringIO()
    print_status(Console(file=out, width=200), store)
    assert "1 nom(s) ou clé(s) à effacer dans Kobo" in out.getvalue()
    receive(store, 1, traite("AAAA2345", victims=[{}], **{"declaration/entite": "POL_NIA"}), _uuid="v2")
    assert rebuild(store, config, now=NOW).names_to_erase == 0


def test_an_agents_account_that_sends_for_another_body_takes_no_effect(store: Store, config: Config) -> None:
    agent = AccountConfig(username="ong_1", role="agent", entity="ONG_NIA")
    held = config.model_copy(update={"accounts": [agent]})
    receive(store, 1, traite("AAAA2345", victims=[NAMED], **{"declaration/entite": "POL_NIA"}))
    told = {"suivi_types": "withdrawal", "retrait": "tout", "retrait_date": "2026-05-20"}
    receive(store, 2, suivi("AAAA2345", entite="POL_NIA", **told), "suivi", _submitted_by="ong_1")
    receive(store, 3, sound("BBBB2345"), _submitted_by="Ong_1")
    report = rebuild(store, held, now=NOW)
    assert report.blocked == 2 and len(identities(store)) == 1 and store.decisions("withdrawal") == []
    assert list(store.frame("SELECT counted FROM events ORDER BY case_code")["counted"]) == [1, 0]
    told_of = store.frame("SELECT submission_key FROM quality WHERE rule = 'account_entity_differs' ORDER BY 1")
    assert list(told_of["submission_key"]) == ["kobo-anltp/suivi/2", "kobo-anltp/traite/3"]


def test_rows_that_the_wrong_reviewers_see_are_counted(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345") | {"famille_entite": "protection"})
    receive(store, 2, declaration(entite="POL_NIA", region_decl="NE001"), "declaration")
    receive(store, 3, suivi("AAAA2345", entite="POL_NIA", famille_entite="justice_securite"), "suivi")
    assert rebuild(store, config, now=NOW).misplaced == 2
    assert "2 fiche(s) montrée(s) dans Kobo à d’autres relecteurs" in status(store)
