"""What a person's answers allow, and the name that does not leave the browser: Enketo."""

from typing import Any

import pytest

from tests.engines import enketo
from tests.enketo_fixture import compiled, filled, needs_browser
from tests.forms_fixture import CHILD, KEY_CHILD, TRAITE, with_victim
from transforms.linkage_key import linkage_key

pytestmark = needs_browser

KEY = "slmt.nsmbl-F-"
TRACES = ("Zouleymata", "Exemple", "shhlhhmhth", ">slmt<", ">nsmbl<")
"""The typed name, as it stands and folded."""


def child(**changes: Any) -> dict[str, Any]:
    """The case of the begging child, the child's answers changed."""
    return {**KEY_CHILD, "victime": [{**CHILD, **changes}]}


def traces(xml: str) -> list[str]:
    return [trace for trace in TRACES if trace in xml]


@pytest.mark.parametrize("blank_irrelevant", [False, True], ids=["as Kobo sets Enketo", "as ODK Central sets it"])
def test_the_key_stays_and_the_typed_name_goes(blank_irrelevant: bool) -> None:
    form = enketo.Form(compiled("traite"), blank_irrelevant=blank_irrelevant)
    assert form.fill(child()).refused == {}
    assert not form.relevant("v_nom_entier")
    assert traces(form.xml()) == traces(form.draft()) == []  # Enketo keeps in a draft what is no longer shown
    assert form.problem() is None
    assert form.value("v_cle") == linkage_key("Zouleymata N’Exemple", "F", None) == KEY
    assert KEY in form.xml()
    assert traces(form.xml()) == []


def test_a_form_sent_and_opened_for_an_edit_keeps_its_key() -> None:
    form = enketo.Form(compiled("traite"), filled("traite", child()).xml(), submitted=True)
    assert form.errors == []
    for question, answer in (("v_statut", "unk"), ("saisine", "unk"), ("v_sexe", "M"), ("det_region", "NE002")):
        assert form.set(question, answer) == "ok"
    assert form.problem() is None
    assert form.value("v_cle") == "slmt.nsmbl-M-"
    assert traces(form.xml()) == []


def test_a_draft_saved_after_erasing_keeps_the_key_when_it_is_finished() -> None:
    draft = filled("traite", child()).draft()
    again = enketo.Form.reopen(compiled("traite"), draft)
    assert again.errors == []
    again.set("v_sexe", "M")
    assert again.problem() is None
    assert again.value("v_cle") == "slmt.nsmbl-M-"
    assert traces(again.xml()) == traces(again.draft()) == []


def test_a_draft_saved_before_erasing_can_be_finished() -> None:
    form = enketo.Form(compiled("traite"))
    form.fill(child(v_nom_efface=None))
    assert "v_nom_efface" in (form.problem() or ("",))[0]
    again = enketo.Form.reopen(compiled("traite"), form.draft())
    assert again.set("v_nom_efface", "oui") == "ok"
    assert again.problem() is None
    assert again.value("v_cle") == KEY
    assert traces(again.xml()) == []


def test_no_name_tapped_by_mistake_is_told_and_loses_nothing() -> None:
    form = enketo.Form(compiled("traite"))
    form.fill(child(v_nom_efface=None))
    assert "case vide" in form.set("v_nom_efface", "sans")
    assert (form.value("v_nom_entier"), form.value("v_cle_nom")) == ("Zouleymata N’Exemple", "slmt.nsmbl")
    assert form.set("v_nom_efface", "oui") == "ok"
    assert (form.value("v_nom_entier"), form.value("v_cle_nom")) == ("", "slmt.nsmbl")


def test_a_name_is_corrected_until_it_is_erased() -> None:
    form = filled("traite", child(v_nom_entier="Zuleimata"))
    assert form.value("v_cle_nom") == "slmt"
    form.set("v_nom_efface", "sans")  # the name is gone: it may be typed again
    form.set("v_nom_entier", "Zara")
    assert form.value("v_cle_nom") == "sr"
    assert form.set("v_nom_efface", "oui") == "ok"
    assert form.value("v_cle_nom") == "sr"


def test_recording_refused_keeps_no_name_and_no_detail() -> None:
    form = filled("traite", with_victim())  # all given first, then refused: nothing may linger
    form.set("v_c_enreg", "non")
    assert form.problem() is None
    assert traces(form.xml()) == []
    for asked_after in ("v_age", "v_nationalite", "v_statut", "v_c_partage", "v_cle_nom", "v_nom_entier"):
        assert f"<{asked_after}>" not in form.xml()
    assert (form.value("v_enreg"), form.value("v_c_orient")) == ("non", "oui")


def test_sharing_refused_leaves_neither_name_nor_key() -> None:
    form = filled("traite", child())
    form.set("v_c_partage", "non")
    assert form.problem() is None
    assert form.value("v_cle") == "" and "slmt" not in form.xml()


def test_a_name_taken_back_leaves_the_form() -> None:
    form = filled("traite", TRAITE)
    assert (form.value("v_prenom"), form.value("v_nom")) == ("Zouleymata", "N’Exemple")
    form.set("v_c_nom", "non")
    assert traces(form.xml()) == []
    assert form.relevant("v_nom_entier")


@pytest.mark.parametrize(
    ("record", "majority", "adult", "recorded"),
    [
        ("oui", "18+", None, "oui"),
        ("oui", "0-17", "service", "oui"),
        ("oui", "0-17", "aucun", "non"),
        ("oui", "unk", "responsable", "oui"),
        ("mandat", "0-17", None, "oui"),
        ("vital", "unk", None, "oui"),
        ("non", "18+", None, "non"),
    ],
)
def test_a_child_is_recorded_with_an_adult_who_is_not_involved(
    record: str, majority: str, adult: str | None, recorded: str
) -> None:
    form = filled("traite", TRAITE)
    form.set("v_c_enreg", record)
    form.set("v_majorite", majority)
    assert form.relevant("v_c_adulte") == (adult is not None)
    if adult:
        assert form.value("v_enreg") == "non"  # until an adult has answered
        form.set("v_c_adulte", adult)
    assert form.value("v_enreg") == recorded
    assert form.relevant("v_c_partage") == form.relevant("v_nationalite") == (recorded == "oui")
