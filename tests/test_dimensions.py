"""Every dimension of the standard has its question, or a reason why not; every question read has its dimension."""

import csv

import pytest

from kobo_sync.forms_agree import EARLIER
from transforms import codelists, reading
from transforms.dimensions import SMUGGLING, dimensions
from transforms.reading import table

SYSTEM = {
    "start", "form_release", "date_reception", "recue_papier_le", "mode", "region_decl", "famille_entite",
    "code_evenement", "classement_evt", "v_code", "v_classement",
    "v_meme_situation", "v_nom_entier", "a_code", "m_code", "s_code", "code_normal", "fiche", "ligne", "ligne_no",
    "c_sexe", "c_tranche", "c_mois", "suivi_types",
}  # fmt: skip
"""Questions read for the system's own use: they tell nothing of the event or of a person."""


def asked() -> dict[tuple[str, str], str]:
    """(form, question) of what today's forms ask -> its kind in the mapping table."""
    with reading._TABLE.open(encoding="utf-8", newline="") as lines:
        return {
            (row["form"], row["question"]): row["kind"]
            for row in csv.DictReader(lines)
            if not row["note"].startswith(EARLIER)
        }


def test_each_dimension_has_a_question_or_a_reason() -> None:
    for dimension in dimensions():
        assert bool(dimension.questions) == bool(dimension.forms) != bool(dimension.why_not), dimension
        assert not dimension.why_not or dimension.why_not.endswith("."), dimension
    labels = [(dimension.component, dimension.label) for dimension in dimensions()]
    assert len(labels) == len(set(labels))


def test_every_question_named_is_asked_by_a_form_named() -> None:
    known = asked()
    for dimension in dimensions():
        for question in dimension.questions:
            assert any((form, question) in known for form in dimension.forms), (dimension.label, question)
        for form in dimension.forms:
            assert any((form, question) in known for question in dimension.questions), (dimension.label, form)


def test_every_question_of_a_case_or_follow_up_that_is_read_has_its_dimension() -> None:
    told = {question for dimension in dimensions() for question in dimension.questions}
    read = {q for (form, q), kind in asked().items() if kind != "ignore" and form in ("traite", "trafic", "suivi")}
    assert read - told - SYSTEM == set()
    assert {question for _, _, question in table()} >= SYSTEM and not SYSTEM & told


def test_the_components_are_those_of_the_standard_and_smuggling() -> None:
    found = {dimension.component for dimension in dimensions()}
    assert found == set(codelists.codes("record_component")) | {SMUGGLING}


WANTED = {
    "R": ("Entité déclarante", "famille"),
    "E": (
        "Actes", "Moyens", "Formes d’exploitation", "exploitation sexuelle", "secteur", "contrôle", "Lieu de détection",
        "Lieu de recrutement", "transit", "Lieu d’exploitation", "Date de détection", "Période", "Itinéraire",
        "Mode de recrutement", "connu", "transfrontalière", "nombre", "justice",
    ),
    "V": (
        "Sexe", "naissance", "début de l’exploitation", "identification", "Nationalité", "Résidence", "Instruction",
        "matrimoniale", "famille", "Handicap", "Statut", "recruteur", "exploiteur", "Papiers", "Santé", "souhaitée",
        "donnée", "Orientation", "Retour", "Accord", "Nom",
    ),
    "P": ("physique ou morale", "Sexe", "Âge", "Nationalité", "Rôle", "Lien", "Stade", "Texte", "Peine", "Nom"),
    "T": (
        "payé", "Avantage", "Frontière", "transport", "Étapes", "interception", "État", "Décès", "non accompagnés",
        "passeurs", "nationalité, sexe et âge",
    ),
}  # fmt: skip
"""What the law and the standard want to know of each component: a dimension struck from the table is missed here."""


@pytest.mark.parametrize(("component", "words"), WANTED.items())
def test_no_dimension_is_forgotten(component: str, words: tuple[str, ...]) -> None:
    told = [dimension.label for dimension in dimensions() if dimension.component == component]
    assert [word for word in words if not any(word in label for label in told)] == []
