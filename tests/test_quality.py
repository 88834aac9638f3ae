"""Each quality rule finds the fault it was written for, and a sound record has none."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.transform_fixture import received, trafic, traite
from transforms import mapping, reading
from transforms.quality import Subject, check, reason_labels, rules

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
    used = set(re.findall(r'"((?:bad|said|doubled|name_not|majority|follow|contradict)_?\w*)"', MAPPING_SOURCES))
    used -= {"majority", "follow_up"}  # a field and a code list
    assert used <= set(reason_labels()) and {"bad_date", "bad_key", "name_not_erased"} <= used
