"""Each quality rule finds the fault it was written for, and a sound record has none."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.test_counting import derive
from tests.transform_fixture import received, trafic, traite
from transforms import mapping, reading
from transforms.derive import Received
from transforms.models import Finding
from transforms.quality import Subject, check, doubled_cases, reason_labels, rules

MAPPING_SOURCES = "".join(Path(m.__file__).read_text(encoding="utf-8") for m in (mapping, reading))


def found(raw: dict[str, Any], form: str = "traite", known: bool = True) -> set[str]:
    item = received(raw, form)
    subject = Subject(item.mapped, item.received, known, ("police",))
    return {finding.rule for finding in check(subject)}


def test_a_sound_record_has_no_finding() -> None:
    assert found(traite()) == set()
    assert found(trafic(), "trafic") == set()


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("undated", "traite", traite(date_detection=None)),
    ("detected_after_sending", "traite", traite(date_detection="2026-04-16")),
    ("identified_after_sending", "traite", traite(victims=[{"v_date_ident": "2027-01-01"}])),
    ("exploitation_after_identification", "traite", traite(victims=[{"v_debut_exploitation": "2026-04-10"}])),
    ("stage_after_sending", "traite", traite(auteur=[{"a_date_stade": "2027-01-01"}])),
    ("wrong_form_traite", "traite",
     traite(portee="cross_border", exploitation="none", entree_irreguliere="oui", avantage="oui")),
    ("wrong_form_trafic", "trafic",
     trafic(avantage="non", indice_exploitation="oui", indice_acte="oui", indice_mineur="oui", code_traite="X")),
    ("exploitation_without_traite", "trafic", trafic(indice_exploitation="oui")),
    ("to_verify", "traite", traite(exploitation="unk")),
    ("neither", "traite", traite(exploitation="none")),
    ("no_person", "traite", traite(victims=[])),
    ("details_exceed_total", "trafic", trafic(groups=[{"g_nationalite": "NGA"}], migrant=[{"migrant/m_sexe": "F"}])),
    ("not_on_deciding_list", "traite", traite(victims=[{"v_statut_organe": "ngo"}])),
    ("age_unknown", "traite", traite(victims=[{"v_age": None}])),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "form", "raw"), CASES)
def test_the_rule_finds_its_fault(rule: str, form: str, raw: dict[str, Any]) -> None:
    assert rule in found(raw, form)


def test_every_rule_is_tested_and_says_what_to_do() -> None:
    assert set(rules()) == {rule for rule, _, _ in CASES} | {"unknown_entity", "case_code_twice"}
    assert "unknown_entity" in found(traite(), known=False)
    for rule in rules().values():
        assert rule.severity in ("blocking", "error", "warning") and rule.message.endswith(".")


def test_every_reason_of_the_mapping_has_a_label() -> None:
    used = set(
        re.findall(r'"((?:bad|said|doubled|name_not|majority|guardian|follow|contradict)_?\w*)"', MAPPING_SOURCES)
    )
    used -= {"majority", "follow_up"}  # a field and a code list
    assert used <= set(reason_labels()) and {"bad_date", "bad_key", "name_not_erased"} <= used


def doubled(*submissions: Received) -> list[Finding]:
    order = {s.key: (s.submission_time, s.order) for s in submissions}
    return doubled_cases((s.mapped for s in submissions), order)


def test_a_copy_on_the_server_is_flagged_and_says_which_stands_and_what_to_do() -> None:
    first = received(traite(), key="kobo/traite/12", submission_time="2026-04-15T10:00:00")
    copy = received(traite(), key="kobo/traite/7", submission_time="2026-04-16T08:00:00")
    for given in ([first, copy], [copy, first]):
        (finding,) = doubled(*given)
        assert (finding.submission_key, finding.severity) == ("kobo/traite/7", "blocking")
        assert "fiche n° 12 du formulaire « traite »" in finding.message and "la supprimer dans Kobo" in finding.message
        assert "feuille" not in finding.message


def test_two_sheets_with_one_paper_code_are_flagged_whatever_their_forms() -> None:
    first = received(traite("K7M4XQ2P2"), key="kobo/traite/1")
    other = received(traite("K7M4XQ2P2", date_detection="2026-04-09"), key="kobo/traite/2", order=2)
    smuggling = received(trafic("K7M4XQ2P2"), "trafic", key="kobo/trafic/3", order=3)
    found = doubled(first, other, smuggling)
    assert [f.submission_key for f in found] == ["kobo/traite/2", "kobo/trafic/3"]
    assert all("le code d’une feuille neuve" in f.message and "n° 1 " in f.message for f in found)


def test_a_copy_does_not_count_and_the_first_does() -> None:
    first, copy = received(traite(), key="kobo/traite/1"), received(traite(), key="kobo/traite/2", order=2)
    rows = derive([copy, first])
    assert {row["submission_key"]: row["counted"] for row in rows.events} == {
        "kobo/traite/1": True, "kobo/traite/2": False,
    }  # fmt: skip
    assert [row["counted"] for row in rows.victims if row["submission_key"] == "kobo/traite/2"] == [False]
    assert all(f in next(r for r in rows.events if not r["counted"])["exclusion"] for f in ("n° 1", "supprimer"))
