"""Consent: what the base keeps of a person follows from the answers, and from a later withdrawal, alike."""

from itertools import product
from typing import Any

import pytest

from tests.transform_fixture import trafic, traite
from transforms.consent import consent_of, withdraw
from transforms.mapping import map_submission
from transforms.models import Mapped, Victim

NAMED = {"v_nom": "Nom", "v_prenom": "Prénom", "v_date_naissance": "2014-01-02", "v_cle": "nm.brnm-F-2014"}
EVERYTHING = NAMED | {
    "v_residence_pays": "NER", "v_residence_region": "NE001", "v_instruction": "primary", "v_matrimonial": "Married",
    "v_papiers": "withheld", "v_sante": "urgent", "v_age_entree": "10", "v_lien_recruteur": "Family",
    "v_lien_auteur": "chief", "v_handicap": "oui", "v_besoins": "shelter", "v_assistance": "Health",
    "v_orientation": "ngo", "v_debut_exploitation": "2025-02-01", "v_date_ident": "2026-04-05",
    "v_majorite": "0-17", "v_c_adulte": "responsable",
}  # fmt: skip
MINIMAL = {
    "submission_key", "case_code", "record_id", "victim_code", "entity", "consent", "sex", "age_precision",
    "age_group", "child_in_law", "identification_date", "place_region", "exploitation", "exploitation_main",
    "classification",
}  # fmt: skip


def told(**answers: Any) -> Mapped:
    return map_submission("k", "traite", traite(victims=[answers]))


def test_the_whole_table_of_consent() -> None:
    records, majorities = ("oui", "non", "mandat", "vital", None), ("0-17", "18+", "unk")
    guardians, shares = ("responsable", "service", "aucun", None), ("oui", "non", None)
    for record, majority, guardian, share in product(records, majorities, guardians, shares):
        if majority == "18+" and guardian is not None:
            continue  # the form does not ask it
        recorded = record in ("mandat", "vital") or (
            record == "oui" and (majority == "18+" or guardian in ("responsable", "service"))
        )
        want = "refused" if not recorded else ("full" if share == "oui" else "no_share")
        values = {"consent_record": record, "majority": majority, "consent_guardian": guardian, "consent_share": share}
        assert consent_of({k: v for k, v in values.items() if v is not None}) == want, values


def test_a_child_recorded_with_nobody_but_implicated_carers_is_a_refusal() -> None:
    mapped = told(**EVERYTHING | {"v_c_adulte": "aucun"})
    assert mapped.victims[0].consent == "refused" and mapped.identities == []


def test_earlier_releases_asked_no_guardian_and_their_answer_stands() -> None:
    assert told().victims[0].consent == "full"  # a girl of twelve, and no question on child or adult
    assert told(v_c_adulte="aucun").victims[0].consent == "refused"


@pytest.mark.parametrize("age", [{"v_age": "12"}, {"v_age": None, "v_tranche": "10-14"},
                                 {"v_age": None, "v_date_naissance": "2014-01-02"}])  # fmt: skip
@pytest.mark.parametrize("release", ["majority", "code"])
def test_a_child_by_age_without_an_adults_answer_is_kept_as_a_refusal(age: dict[str, Any], release: str) -> None:
    told_of = (
        {"v_nom": "Nom", "v_cle": "nm.brnm-F-2014"} | age | ({"v_majorite": "18+"} if release == "majority" else {})
    )
    mapped = map_submission("k", "traite", traite("K7M4XQ2P2" if release == "code" else "ABCD2345", victims=[told_of]))
    assert mapped.victims[0].consent == "refused" and mapped.identities == []
    assert "guardian_missing" in {f.rule for f in mapped.findings}
    agreed = map_submission("k", "traite", traite("K7M4XQ2P2", victims=[told_of | {"v_c_adulte": "service"}]))
    assert agreed.victims[0].consent == "full"
    for record in ("mandat", "vital"):
        assert told(**told_of, v_c_enreg=record).victims[0].consent == "full"


def test_refused_keeps_sex_child_or_adult_region_month_and_exploitation_only() -> None:
    (victim,) = told(**EVERYTHING | {"v_c_enreg": "non"}).victims
    assert {name for name in Victim.model_fields if getattr(victim, name) is not None} == MINIMAL
    assert (victim.consent, victim.sex, victim.age_group, victim.age_precision) == ("refused", "F", "0-17", "band")
    assert (victim.identification_date, victim.exploitation_main) == ("2026-04-01", "begging")
    unknown = told(v_c_enreg="non", v_age=None, v_majorite="unk").victims[0]
    assert (unknown.age_group, unknown.age_precision) == ("unk", "unk")


def test_not_shared_keeps_the_record_and_nothing_that_names() -> None:
    mapped = told(**EVERYTHING | {"v_c_partage": "non"})
    assert mapped.identities == [] and mapped.victims[0].consent == "no_share"
    assert mapped.victims[0].age == 12 and mapped.victims[0].health == "urgent"  # for ANLTP's totals


def test_the_name_stays_only_with_a_yes_of_its_own_and_the_key_when_shared() -> None:
    (both,) = told(**EVERYTHING).identities
    assert (both.given_name, both.linkage_key, both.birth_date) == ("Prénom", "nm.brnm-F-2014", "2014-01-02")
    mapped = told(**EVERYTHING | {"v_c_nom": None})
    (key_only,) = mapped.identities
    assert (key_only.given_name, key_only.family_name) == (None, None)
    assert key_only.linkage_key == "nm.brnm-F-2014" and mapped.findings == []  # an earlier release: no question


@pytest.mark.parametrize("share", ["oui", "non"])
@pytest.mark.parametrize("record", ["mandat", "vital"])
def test_a_mandate_or_a_vital_interest_stands_in_for_recording_never_for_sharing(record: str, share: str) -> None:
    mapped = told(**EVERYTHING | {"v_c_enreg": record, "v_c_partage": share, "v_c_adulte": None})
    assert mapped.victims[0].consent == ("full" if share == "oui" else "no_share")
    assert bool(mapped.identities) == (share == "oui")


@pytest.mark.parametrize(
    "answers",
    [
        {"v_nom_entier": "Zinariya Exemple"},
        {"v_nom": "Zinariya", "v_c_nom": "non"},
        {"v_nom": "Zinariya", "v_c_partage": "non"},
        {"v_nom": "Zinariya", "v_c_enreg": "non"},
    ],
)
def test_a_name_that_should_have_gone_is_kept_nowhere_flagged_and_not_repeated(answers: dict[str, str]) -> None:
    mapped = told(**answers)
    assert [f.rule for f in mapped.findings] == ["name_not_erased"]
    assert "Zinariya" not in mapped.model_dump_json()


@pytest.mark.parametrize("typed", ["Zinariya", "mt.sb-F-2014 Zinariya", "MT.SB-F-2014", "mt.sb-F-14"])
def test_what_is_no_key_is_refused_and_not_repeated(typed: str) -> None:
    mapped = told(v_cle=typed)
    assert [f.rule for f in mapped.findings] == ["bad_key"] and mapped.identities == []
    assert typed not in mapped.model_dump_json()


def test_a_withdrawal_leaves_what_a_refusal_would_have() -> None:
    before = told(**EVERYTHING)
    for what, answer in (("partage", {"v_c_partage": "non"}), ("tout", {"v_c_enreg": "non"})):
        after = withdraw(before, "ABCD2345-V1", what)  # type: ignore[arg-type]
        wanted = told(**{**EVERYTHING, **answer})
        assert after.victims == wanted.victims and after.identities == [] == wanted.identities
        assert after.event == before.event and before.identities != []


def test_a_withdrawal_touches_no_one_else_and_takes_nothing_back() -> None:
    raw = traite(victims=[EVERYTHING, EVERYTHING, {"v_c_enreg": "non"}])
    before = map_submission("k", "traite", raw)
    after = withdraw(before, "ABCD2345-V2", "partage")
    assert after.victims[0] == before.victims[0] and after.victims[2] == before.victims[2]
    assert [identity.record_id for identity in after.identities] == ["k#ABCD2345-V1"]
    assert withdraw(before, "ABCD2345-V3", "partage") == before  # refused stays refused
    assert withdraw(withdraw(before, "ABCD2345-V1", "tout"), "ABCD2345-V1", "partage").victims[0].consent == "refused"


def test_a_migrants_details_go_and_the_groups_total_stays() -> None:
    raw = trafic() | {"migrant": [{"m_code": "TRUC2345-M1", "m_sexe": "F", "m_age": "20"}, {"m_sexe": "M"}]}
    before = map_submission("k", "trafic", raw)
    after = withdraw(before, "TRUC2345-M1", "tout")
    assert [row.migrant_code for row in after.migrants] == ["TRUC2345-M2"] and after.tallies == before.tallies
    assert withdraw(before, "TRUC2345-M1", "partage") == before
