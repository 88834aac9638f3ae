"""What a person's answers allow, and the name that does not leave the phone: JavaRosa."""

from collections.abc import Iterator

import pytest

from tests.engines.javarosa import Form
from tests.forms_fixture import CHILD, KEY_CHILD, TRAITE, VICTIM, blank, compiled, with_details, with_victim
from tests.forms_fixture_other import filled
from transforms import case_code
from transforms.linkage_key import is_linkage_key, linkage_key

NAMES = ("victime[1]/v_nom", "victime[1]/v_prenom")
ASKED_AFTER = ("v_age", "v_nationalite", "v_statut", "v_c_partage", "v_cle_nom", "v_nom_entier")
"""Some of what a person who refuses to be recorded is not asked."""


def child(**changes: object) -> dict[str, object]:
    """The case of the begging child, the child's answers changed."""
    return {**KEY_CHILD, "victime": [{**CHILD, **changes}]}


def nodes(form: Form) -> Iterator[str]:
    """Everything that would leave the phone."""
    yield form.draft()
    yield form.xml()


# -- to record, to share, to be referred -------------------------------------------------------------------------


def test_recording_refused_keeps_no_name_and_no_detail() -> None:
    form = filled(blank("traite"), with_victim())  # all given first, then refused: nothing may linger
    form.set("v_c_enreg", "non")
    assert form.problem() is None
    for sent in nodes(form):
        assert not [gone for gone in ("Zouleymata", "Exemple", *(f"<{name}>" for name in ASKED_AFTER)) if gone in sent]
    assert form.value("v_enreg") == "non"
    assert form.value("v_enfant") == "nsp"  # an adult of today; « under 18 at the facts? » is not asked
    assert not form.relevant("v_mineur_faits")
    assert "aide" in form.text("n_v_refus")
    assert form.value("v_c_orient") == "oui"  # refusing to be recorded is not refusing help


def test_recording_refused_before_a_name_was_typed_leaves_no_key() -> None:
    form = filled(blank("traite"), child())
    assert form.value("v_cle")
    form.set("v_c_enreg", "non")
    assert form.value("v_cle") == ""
    for sent in nodes(form):
        assert "slmt" not in sent


@pytest.mark.parametrize(
    ("record", "majority", "adult", "recorded"),
    [
        ("oui", "18+", None, "oui"),
        ("oui", "0-17", "responsable", "oui"),
        ("oui", "0-17", "service", "oui"),
        ("oui", "0-17", "aucun", "non"),
        ("oui", "unk", "responsable", "oui"),
        ("oui", "unk", "aucun", "non"),
        ("mandat", "0-17", None, "oui"),
        ("mandat", "18+", None, "oui"),
        ("vital", "unk", None, "oui"),
        ("non", "0-17", None, "non"),
        ("non", "18+", None, "non"),
    ],
)
def test_a_child_is_recorded_with_an_adult_who_is_not_involved(
    record: str, majority: str, adult: str | None, recorded: str
) -> None:
    form = blank("traite")
    form.fill(TRAITE)
    form.set("v_c_enreg", record)
    form.set("v_majorite", majority)
    assert form.relevant("v_c_adulte") == (adult is not None)
    if adult:
        assert form.value("v_enreg") == "non"  # until an adult has answered
        form.set("v_c_adulte", adult)
    assert form.value("v_enreg") == recorded
    assert form.relevant("v_c_partage") == form.relevant("v_nationalite") == (recorded == "oui")


def test_where_no_adult_may_answer_the_child_protection_of_the_region_is_named() -> None:
    form = blank("traite")
    form.fill(child(v_c_adulte="aucun"))
    assert "Service régional de protection de l’enfan" in form.text("n_v_enfant").replace("'", "’")
    assert form.relevant("n_v_refus")
    assert form.relevant("v_c_orient")


def test_the_details_of_the_case_go_when_every_victim_described_refuses() -> None:
    form = filled(blank("traite"), with_details())
    assert form.relevant("comment_connu") and form.relevant("exp_pays")
    form.set("v_c_enreg", "non")
    assert not form.relevant("comment_connu") and not form.relevant("exp_pays")
    for sent in nodes(form):
        assert "<comment_connu>" not in sent and "<controle>" not in sent
    assert form.problem() is None
    form.set("v_c_enreg", "oui")
    assert form.relevant("comment_connu")


def test_the_details_stay_while_one_victim_agrees_or_none_is_described() -> None:
    refused = {"v_majorite": "18+", "v_c_enreg": "non", "v_c_orient": "oui", "v_sexe": "F"}
    case = with_details()
    form = filled(blank("traite"), {**case, "victime": [*case["victime"], refused]})
    assert form.relevant("comment_connu")
    form.set("v_c_enreg", "non")
    assert not form.relevant("comment_connu")
    form.set("ajouts", ["details"])
    assert form.relevant("comment_connu")
    new = blank("traite")
    new.set("ajouts", ["victimes", "details"])
    assert new.relevant("comment_connu")  # asked before the victims are


def test_sharing_refused_leaves_neither_name_nor_key() -> None:
    form = filled(blank("traite"), with_victim(v_c_partage="non"), unmet=(*NAMES, "victime[1]/v_c_nom"))
    assert form.problem() is None
    assert form.value("v_cle") == ""
    form = filled(blank("traite"), child())
    form.set("v_c_partage", "non")
    assert form.value("v_cle") == "" and "slmt" not in form.xml()


def test_a_mandate_stands_in_for_recording_but_not_for_sharing() -> None:
    assert filled(blank("traite"), with_victim(v_c_enreg="mandat")).value("v_prenom") == "Zouleymata"
    hidden = (*NAMES, "victime[1]/v_c_nom")
    filled(blank("traite"), with_victim(v_c_enreg="mandat", v_c_partage="non"), unmet=hidden)


def test_referral_refused_asks_for_no_referral() -> None:
    form = filled(blank("traite"), with_victim(v_c_orient="non"))
    assert not form.relevant("v_orientation")
    assert form.relevant("v_assistance")


# -- the name ----------------------------------------------------------------------------------------------------


def test_a_name_needs_a_body_entitled_to_it_and_the_persons_answer() -> None:
    named = filled(blank("traite"), TRAITE)
    assert (named.value("v_prenom"), named.value("v_nom")) == ("Zouleymata", "N’Exemple")
    assert not named.relevant("v_nom_entier") and named.value("v_cle") == ""
    hidden = (*NAMES, "victime[1]/v_c_nom")
    other = filled(blank("traite"), {**TRAITE, "entite": "ONG_NIA"}, unmet=hidden)
    assert other.value("famille_entite") == "protection"
    assert other.relevant("v_nom_entier")
    refused = filled(blank("traite"), with_victim(v_c_nom="non"), unmet=NAMES)
    assert refused.relevant("v_nom_entier")


def test_a_name_taken_back_leaves_the_form() -> None:
    form = filled(blank("traite"), TRAITE)
    form.set("v_c_nom", "non")
    for sent in nodes(form):
        assert "Zouleymata" not in sent


def test_the_key_stays_and_the_typed_name_goes() -> None:
    form = filled(blank("traite"), child())
    assert form.problem() is None
    key = form.value("v_cle")
    assert key == linkage_key("Zouleymata N’Exemple", "F", None) == "slmt.nsmbl-F-"
    assert is_linkage_key(key)
    assert not form.relevant("v_nom_entier")
    for sent in nodes(form):
        assert key in sent
        assert not [
            part for part in ("Zouleymata", "Exemple", "v_nom_entier", "v_nom_mot", "v_nom_plie") if part in sent
        ]


def test_the_key_bears_the_birth_year_where_the_birth_date_is_known() -> None:
    form = filled(
        blank("traite"), child(v_age_connu="birth_date", v_age=None, v_date_naissance="2014-06-02"), unmet=AGE
    )
    assert form.value("v_cle") == "slmt.nsmbl-F-2014"


AGE = ("victime[1]/v_age",)


def test_a_paper_form_may_bring_a_name_but_no_key() -> None:
    """The sheet has a box for the name only; where names may not travel, nobody copies one to make a key of it."""
    paper = {"points": ["papier"], "code_papier": case_code.issue(), "date_reception": "2026-03-20"}
    named = filled(blank("traite"), with_victim() | paper, unmet=("code_recopie",))
    assert named.value("v_prenom") == "Zouleymata"
    key = filled(
        blank("traite"), child() | paper, unmet=("code_recopie", "victime[1]/v_nom_efface", "victime[1]/v_nom_entier")
    )
    assert key.problem() is None
    assert key.value("v_cle") == ""


def reopened(form: Form) -> Form:
    """The draft saved and opened again."""
    return Form.reopen(compiled("traite"), form.draft())


def test_a_draft_saved_after_erasing_holds_the_key_and_not_the_name() -> None:
    form = reopened(filled(blank("traite"), child()))
    for question, answer in (("v_statut", "unk"), ("saisine", "unk"), ("v_sexe", "M"), ("det_region", "NE002")):
        form.set(question, answer)
    assert form.problem() is None
    assert form.value("v_cle") == "slmt.nsmbl-M-"
    again = reopened(form)
    assert again.value("v_cle") == "slmt.nsmbl-M-"
    assert "Zouleymata" not in again.xml()


def test_a_draft_saved_before_erasing_can_be_finished() -> None:
    form = blank("traite")
    form.fill(child(v_nom_efface=None))
    assert "Zouleymata" in form.draft()  # on the phone alone: the form cannot be sent so
    assert "v_nom_efface" in (form.problem() or ("",))[0]
    again = reopened(form)
    assert again.set("v_nom_efface", "oui") == "ok"
    assert again.set("code_recopie", again.value("code_evenement")) == "ok"
    assert again.problem() is None
    assert again.value("v_cle") == "slmt.nsmbl-F-"
    assert "Zouleymata" not in again.xml()


def test_a_name_is_corrected_until_it_is_erased() -> None:
    form = filled(blank("traite"), child(v_nom_entier="Zuleimata", v_nom_efface="oui"))
    assert form.value("v_cle_nom") == "slmt"
    form.clear("v_nom_efface")
    assert form.set("v_nom_entier", "Zara") == "ok"
    assert form.value("v_cle_nom") == "sr"
    assert form.set("v_nom_efface", "oui") == "ok"
    assert form.value("v_cle_nom") == "sr"


def test_no_name_known_is_an_answer_and_a_name_without_erasing_is_none() -> None:
    form = filled(blank("traite"), child(v_nom_entier=None, v_nom_efface="sans"))
    assert form.problem() is None
    assert form.value("v_cle") == ""
    assert "case vide" in form.set("v_nom_efface", "oui")  # nothing to make a key of
    form.set("v_nom_entier", "Zara")
    form.set("v_nom_efface", "sans")
    assert form.value("v_nom_entier") == "Zara"
    assert "v_nom_efface" in (form.problem() or ("",))[0]  # « Pas de nom », and yet a name
    assert form.set("v_nom_efface", "oui") == "ok"
    assert "Zara" not in form.xml()


def test_each_victim_has_a_key_of_her_own() -> None:
    boy = {**CHILD, "v_nom_entier": "Moussa Modèle", "v_sexe": "M", "v_meme_situation": "oui"}
    form = filled(blank("traite"), {**KEY_CHILD, "victime": [CHILD, boy]})
    assert [form.value("v_cle", row) for row in (1, 2)] == ["slmt.nsmbl-F-", "ms.mtl-M-"]
    form.delete("victime", 1)
    assert form.value("v_cle") == "ms.mtl-M-"


def test_what_may_be_refused_can_be_refused() -> None:
    answers = with_victim(v_age_connu="ref", v_age=None, v_mineur_faits="ref", v_nationalite="ref")
    form = filled(blank("traite"), answers, unmet=AGE)
    assert form.problem() is None
    assert {"ref"} <= set(form.labels("v_nationalite"))
    assert form.labels("v_mineur_faits")["ref"] == "Préfère ne pas répondre"
    assert VICTIM["v_majorite"] == "18+" and form.value("v_enfant") == "nsp"
