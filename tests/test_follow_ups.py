"""A follow-up finds its case by code, row and confirmation; what does not agree waits; a withdrawal acts at once."""

from dataclasses import replace
from typing import Any

import pytest

from tests.test_counting import derive
from tests.transform_fixture import REGISTER, fournisseur, received, suivi, trafic, traite
from transforms.consent import withdraw
from transforms.counting import Review
from transforms.derive import Received
from transforms.derive_other import assemble_others
from transforms.derived_tables import check_row
from transforms.follow_ups import Followed, ReceivedOther, follow
from transforms.mapping_other import map_other
from transforms.quality import reason_labels
from transforms.withdrawals import Withdrawn, from_decision

NAMED = {"v_nom": "Nom", "v_prenom": "Prénom", "v_cle": "nm.brnm-F-2014"}


def sent(raw: dict[str, Any], key: str = "s/suivi/1", review: str = "none", form: str = "suivi") -> ReceivedOther:
    return ReceivedOther(map_other(key, form, raw), "2026-06-01", "2026-06-01T10:00:00", 1, Review(review, True, None))


def one(raw: dict[str, Any], *cases: Received, review: str = "none") -> tuple[list[Received], Followed]:
    after, (followed,) = follow(cases or [received(traite(victims=[NAMED]))], [sent(raw, review=review)])
    return after, followed


def test_a_follow_up_that_agrees_is_kept_beside_its_case_and_changes_nothing() -> None:
    case = received(traite(victims=[NAMED]))
    after, followed = one(suivi(), case)
    assert (followed.state, followed.target_key, followed.findings) == ("matched", "s/traite/1#ABCD2345-V1", [])
    assert after == [case]


WAITING: list[tuple[str, dict[str, Any], str]] = [
    ("unknown_case", suivi("K7M4XQ2P2"), "vérifier le code"),
    ("unknown_case", suivi(fiche="trafic"), "formulaire"),
    ("unknown_row", suivi(ligne_no="2"), "numéro"),
    ("unknown_row", suivi(ligne="auteur"), "numéro"),
    ("differs", suivi(c_sexe="M"), "le sexe"),
    ("differs", suivi(c_tranche="15-17"), "la tranche d’âge"),
    ("differs", suivi(c_mois="2026-05-01"), "le mois"),
    ("differs", suivi(c_sexe="M", c_tranche="18-24", c_mois="2025-04"), "le sexe, la tranche d’âge, le mois"),
    ("differs", suivi(c_sexe="U", c_tranche="unk", c_mois=None), "rien ne confirme"),
    ("differs", suivi(ligne="cas", ligne_no=None, c_mois=None), "le mois"),
    ("no_person", suivi(ligne="auteur", retrait="tout", suivi_types="withdrawal"), "désigner la ligne"),
    ("no_person", suivi(ligne="cas", ligne_no=None, retrait="tout", suivi_types="withdrawal"), "désigner la ligne"),
    ("to_confirm", suivi(c_sexe="U", retrait="tout", suivi_types="withdrawal"), "le sexe"),
    ("to_confirm", suivi(c_tranche="unk", c_mois=None, retrait="tout", suivi_types="withdrawal"), "l’âge ou le mois"),
]


@pytest.mark.parametrize(("state", "raw", "words"), WAITING)
def test_what_does_not_agree_waits_in_the_worklist(state: str, raw: dict[str, Any], words: str) -> None:
    perpetrators = [{"a_type": "natural", "a_sexe": "F"}] if state == "no_person" else []
    case = received(traite(victims=[NAMED], auteur=perpetrators or None))
    after, followed = one(raw, case)
    (finding,) = followed.findings
    rule = "withdrawal_to_confirm" if state == "to_confirm" else f"follow_{state}"
    assert (followed.state, finding.rule) == (state, rule) and words in finding.message
    assert finding.severity == "error" and finding.rule in reason_labels() and after == [case]
    assert not {"F", "10-14", "2026-04"} & set(finding.message.replace(",", " ").split())


def test_what_is_not_known_contradicts_nothing_but_one_answer_must_agree() -> None:
    assert one(suivi(c_tranche="unk"))[1].state == "matched"
    assert one(suivi(c_mois=None))[1].state == "matched"
    undated = received(traite(date_detection=None))
    assert one(suivi(c_mois="2026-04-01"), undated)[1].state == "matched"
    nothing = received(traite(date_detection=None, victims=[{"v_sexe": "U", "v_age": None}]))
    assert one(suivi(), nothing)[1].state == "matched"
    group = received(traite(victims=[{"v_age": None, "v_majorite": "0-17", "v_c_adulte": "service"}]))
    assert one(suivi(), group)[1].state == "matched" and one(suivi(c_tranche="18-24"), group)[1].state == "differs"


def test_suspects_migrants_and_whole_cases_are_found_too() -> None:
    suspects = received(traite(auteur=[{"a_type": "natural", "a_sexe": "M", "a_age": "40"}, {"a_type": "legal"}]))
    of_suspect = {"ligne": "auteur", "c_sexe": "M", "c_tranche": "35-44", "stade": "prosecuted"}
    assert one(suivi(**of_suspect), suspects)[1].target_key == "s/traite/1#ABCD2345-A1"
    company = one(suivi(**of_suspect, ligne_no="2"), suspects)[1]
    assert company.target_key == "s/traite/1#ABCD2345-A2"  # neither sex nor age: the month confirms
    truck = received(
        trafic(migrant=[{"m_sexe": "F", "m_age": "20"}], passeur=[{"s_sexe": "M"}]), "trafic", key="s/trafic/1"
    )
    migrant = suivi("TRUC2345", fiche="trafic", c_tranche="18-24")
    assert one(migrant, truck)[1].target_key == "s/trafic/1#TRUC2345-M1"
    smuggler = suivi("TRUC2345", fiche="trafic", ligne="auteur", c_sexe="M", c_tranche="unk")
    assert one(smuggler, truck)[1].target_key == "s/trafic/1#TRUC2345-S1"
    whole = suivi("TRUC2345", fiche="trafic", ligne="cas", ligne_no=None, c_sexe=None, c_tranche=None)
    assert one(whole, truck)[1].target_key == "s/trafic/1"


def withdrawal(what: str, **answers: Any) -> dict[str, Any]:
    return suivi(
        suivi_types="withdrawal", aide=None, aide_date=None, retrait=what, retrait_date="2026-05-20", **answers
    )


@pytest.mark.parametrize(("what", "consent"), [("partage", "no_share"), ("tout", "refused")])
def test_a_confirmed_withdrawal_takes_effect_at_once(what: str, consent: str) -> None:
    case = received(traite(victims=[NAMED, NAMED]))
    (after,), followed = one(withdrawal(what), case)
    assert followed.state == "matched"
    assert after.mapped == withdraw(case.mapped, "ABCD2345-V1", what)  # type: ignore[arg-type]
    assert after.mapped.victims[0].consent == consent and after.mapped.victims[1].consent == "full"
    assert [identity.record_id for identity in after.mapped.identities] == ["s/traite/1#ABCD2345-V2"]
    # the same on every later night
    assert follow([case], [sent(withdrawal(what))])[0] == [after]


def test_a_withdrawal_that_does_not_agree_takes_no_effect() -> None:
    case = received(traite(victims=[NAMED]))
    for raw in (withdrawal("tout", c_sexe="M"), withdrawal("tout", ligne_no="2"), withdrawal("tout", c_mois="2026-03")):
        assert one(raw, case)[0] == [case]


def test_a_withdrawal_reaches_the_copies_of_the_case() -> None:
    first = received(traite(victims=[NAMED]), key="s/traite/1")
    copy = received(traite(victims=[NAMED]), key="s/traite/2")
    after, _ = one(withdrawal("partage"), first, copy)
    assert [case.mapped.identities for case in after] == [[], []]
    corrected = received(traite(victims=[NAMED | {"v_sexe": "M"}]), key="s/traite/3")  # the same code and row
    after, _ = one(withdrawal("partage"), first, corrected)
    assert [case.mapped.identities for case in after] == [[], []]


def test_a_withdrawal_is_as_sure_as_the_record_allows() -> None:
    for agreeing in ({"c_tranche": "unk"}, {"c_mois": None}):
        assert one(withdrawal("tout", **agreeing))[1].state == "matched"
    undated = received(traite(date_detection=None, victims=[NAMED | {"v_age": None}]))
    assert one(withdrawal("tout", c_tranche="unk", c_mois=None), undated)[1].state == "matched"


def test_a_withdrawal_sent_by_another_body_applies_and_is_listed() -> None:
    (after,), followed = one(withdrawal("tout"))
    assert after.mapped.identities == []
    assert [(f.rule, f.severity) for f in followed.findings] == [("withdrawal_by_other", "warning")]
    assert one(withdrawal("tout", entite="POL"))[1].findings == []


def test_a_withdrawal_once_recorded_lasts_whatever_becomes_of_the_follow_up_or_the_case() -> None:
    case = received(traite(victims=[NAMED]))
    _, (first,) = follow([case], [sent(withdrawal("partage"))])
    recorded = first.withdrawn
    assert [(w.row_code, w.value, w.by_whom) for w in recorded] == [("ABCD2345-V1", "partage", "suivi")]
    assert recorded[0].reason == "s/suivi/1 s/traite/1"
    older = received(traite(victims=[NAMED | {"v_age": "30"}]))
    moved = received(traite("K7M4XQ2P2", victims=[NAMED | {"v_c_adulte": "responsable"}]))  # its code was corrected
    for now, others in (
        (case, []),
        (case, [sent(withdrawal("partage"), review="on_hold")]),
        (older, [sent(withdrawal("partage"))]),
        (moved, [sent(withdrawal("partage"))]),
    ):
        (after,), followed = follow([now], others, recorded)
        assert after.mapped.victims[0].consent == "no_share" and after.mapped.identities == []
        assert not [new for item in followed for new in item.withdrawn]  # once


def test_a_withdrawal_recorded_can_be_made_wider_and_is_lifted_by_a_later_decision_only() -> None:
    case = received(traite(victims=[NAMED]))
    recorded = [Withdrawn("ABCD2345-V1", "partage", "pol", "s/suivi/1", ("s/traite/1",))]
    (after,), (wider,) = follow([case], [sent(withdrawal("tout"))], recorded)
    assert after.mapped.victims[0].consent == "refused" and [w.value for w in wider.withdrawn] == ["tout"]
    recorded += wider.withdrawn
    _, (narrower,) = follow([case], [sent(withdrawal("partage"), key="s/suivi/2")], recorded)
    assert narrower.withdrawn == []
    lifted = [*recorded, from_decision("ABCD2345-V1", "levee", "coord", "sa lettre du 3 juin")]
    assert follow([case], [sent(withdrawal("tout"))], lifted)[0] == [case]
    (after,), (again,) = follow([case], [sent(withdrawal("tout"), key="s/suivi/3")], lifted)
    assert after.mapped.victims[0].consent == "refused" and len(again.withdrawn) == 1


def test_what_kobo_still_holds_after_a_withdrawal_is_to_be_erased_there() -> None:
    for held, found in ((NAMED, True), ({"v_cle": NAMED["v_cle"]}, True), ({"v_nom": "Nom", "v_c_nom": None}, True),
                        ({}, False)):  # fmt: skip
        (after,), _ = one(withdrawal("partage"), received(traite(victims=[held])))
        left = [f for f in after.mapped.findings if f.rule == "name_left_in_kobo"]
        assert [f.record_id for f in left] == ["s/traite/1#ABCD2345-V1"] * found
        assert all(f.severity == "error" and "v_prenom, v_nom, v_cle" in f.message for f in left)
        assert {f.rule for f in left} <= set(reason_labels())


@pytest.mark.parametrize(("review", "state"), [("on_hold", "set_aside"), ("not_approved", "set_aside"),
                                               ("approved", "matched"), ("to_confirm", "matched")])  # fmt: skip
def test_what_a_person_holds_back_takes_no_effect(review: str, state: str) -> None:
    (after,), followed = one(withdrawal("tout"), review=review)
    assert followed.state == state and bool(after.mapped.identities) == (state == "set_aside")
    assert [f for f in followed.findings if f.severity == "error"] == []


def test_the_last_of_two_withdrawals_never_gives_back() -> None:
    case = received(traite(victims=[NAMED]))
    later = replace(sent(withdrawal("partage"), key="s/suivi/2"), submission_time="2026-07-01T00:00:00")
    (after,), _ = follow([case], [later, sent(withdrawal("tout"))])
    assert after.mapped.victims[0].consent == "refused"


def test_the_rows_have_the_declared_columns_and_no_confirmation() -> None:
    cases = [received(traite(victims=[NAMED]))]
    others = [sent(suivi()), sent(suivi("K7M4XQ2P2"), key="s/suivi/2"),
              sent(fournisseur(org_code="INCONNU"), key="s/fournisseur/1", form="fournisseur")]  # fmt: skip
    _, followed = follow(cases, others)
    rows = assemble_others(others, followed, REGISTER)
    for table in ("followups", "provider_entries", "provider_contacts", "quality"):
        for row in getattr(rows, table):
            check_row(table, row)
    assert [row["state"] for row in rows.followups] == ["matched", "unknown_case"]
    assert not [name for row in rows.followups for name in row if name.startswith("confirm")]
    assert rows.provider_entries[0]["provider"] == "HORS_LISTE"
    (finding,) = rows.quality
    assert (finding["form"], finding["entity"], finding["quarter"]) == ("suivi", "ONG", "2026-T2")


def test_totals_are_the_same_after_a_withdrawal_and_names_are_gone() -> None:
    case = received(traite(victims=[NAMED]))
    (after,), _ = one(withdrawal("tout"), case)
    before, now = derive([case]), derive([after])
    assert now.identity == [] and before.identity != []
    kept = ("sex", "age_group", "counted", "classification", "exploitation_main", "quarter", "is_reference")
    assert [{k: row[k] for k in kept} for row in now.victims] == [{k: row[k] for k in kept} for row in before.victims]
