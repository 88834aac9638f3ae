"""Traite or trafic, as the phone works it out over the whole truth table and tells it: JavaRosa."""

import itertools

import pytest

from tests.engines.javarosa import Form
from tests.forms_fixture import CHILD, KEY_CHILD, TRAITE, VICTIM, blank, with_victim
from tests.forms_fixture_other import filled
from transforms import ages
from transforms.determination import truth_table

ANSWERS = ("oui", "non", "nsp")
CODES = {
    "actes": {"oui": "transfer", "non": "none", "nsp": "unk"},
    "moyens": {"oui": "fraud", "non": "none", "nsp": "unk"},
    "exploitation": {"oui": "armed", "non": "none", "nsp": "unk"},
}
FACTS = ("actes", "moyens", "exploitation", "v_mineur_faits", "entree_irreguliere", "avantage")
OWN_FACTS = ("v_actes", "v_moyens", "v_exploitation", "v_mineur_faits", "entree_irreguliere", "avantage")
OTHER = {"v_meme_situation": "non", "v_actes": "none", "v_moyens": "none", "v_exploitation": "none"}


def code(question: str, answer: str) -> str:
    """How an answer is ticked on the phone."""
    return CODES.get(question.removeprefix("v_"), {}).get(answer, answer)


def kleene(*terms: str) -> str:
    """And of oui, non, nsp."""
    return "non" if "non" in terms else "nsp" if "nsp" in terms else "oui"


def by_logic(act: str, means: str, purpose: str, child: str, border: str, benefit: str) -> str:
    """The classification by the definitions, apart from form and table."""
    means_or_child = "oui" if "oui" in (means, child) else "nsp" if "nsp" in (means, child) else "non"
    traite, trafic = kleene(act, purpose, means_or_child), kleene(border, benefit)
    if traite == "oui":
        return "les_deux" if trafic == "oui" else "traite_presumee"
    if trafic == "oui":
        return "trafic_illicite"
    return "a_verifier" if "nsp" in (traite, trafic) else "aucun"


def walk(form: Form, questions: tuple[str, ...], row: int) -> dict[tuple[str, ...], str]:
    """The phone's classification of a victim for every combination of answers to the six facts."""
    seen = {}
    current: tuple[str, ...] = ("",) * len(questions)
    for facts in itertools.product(ANSWERS, repeat=len(questions)):
        for question, before, now in zip(questions, current, facts, strict=True):
            if before != now:
                assert form.set(question, code(question, now), row if question.startswith("v_") else 1) == "ok"
        current = facts
        seen[facts] = form.value("v_classement", row)
    return seen


def test_the_form_follows_the_whole_truth_table() -> None:
    seen = walk(filled(blank("traite"), TRAITE), FACTS, 1)
    assert len(seen) == 729
    assert [facts for facts, result in seen.items() if result != by_logic(*facts)] == []
    assert seen == {facts: verdict.result for facts, verdict in truth_table().items()}


def test_a_victims_own_facts_follow_it_too() -> None:
    form = filled(blank("traite"), {**TRAITE, "victime": [VICTIM, {**VICTIM, **OTHER}]})
    assert walk(form, OWN_FACTS, 2) == {facts: verdict.result for facts, verdict in truth_table().items()}


def test_a_person_who_refuses_to_be_recorded_is_classed_by_the_events_facts() -> None:
    form = filled(blank("traite"), TRAITE)
    form.set("v_c_enreg", "non")
    for facts in itertools.product(ANSWERS, ANSWERS, ("0-17", "18+", "unk")):  # the rest as filled
        for question, answer in zip(("actes", "moyens", "v_majorite"), facts, strict=True):
            form.set(question, code(question, answer))
        child = ages.child_in_law(facts[2], None)
        assert form.value("v_enfant") == child
        assert form.value("v_classement") == by_logic(facts[0], facts[1], "oui", child, "non", "nsp"), facts


def test_a_child_needs_no_means_and_the_worker_is_told_how_to_use_it() -> None:
    form = filled(blank("traite"), KEY_CHILD)
    assert form.value("v_classement") == form.value("classement_evt") == "traite_presumee"
    for told in (form.text("n_v_traite"), form.text("n_traite_presumee")):
        for part in ("Indice", "pas une qualification", "e pas lire à haute voix", "rienter dans tous les cas"):
            assert part in told
    assert not form.relevant("n_v_sans")


@pytest.mark.parametrize(
    ("answers", "child"),
    [
        ({"v_age": 17, "v_majorite": "0-17"}, "oui"),
        ({"v_age_connu": "birth_date", "v_date_naissance": "2008-03-11", "v_majorite": "0-17"}, "oui"),
        ({"v_age_connu": "birth_date", "v_date_naissance": "2008-03-10"}, "non"),
        ({"v_age_connu": "band", "v_tranche": "15-17", "v_majorite": "0-17"}, "oui"),
        ({"v_age_connu": "band", "v_tranche": "18-24"}, "non"),
        ({"v_age_connu": "unk", "v_majorite": "0-17"}, "oui"),
        ({"v_age_connu": "ref"}, "non"),
        ({"v_age_connu": "unk", "v_majorite": "unk"}, "nsp"),
        ({"v_mineur_faits": "oui"}, "oui"),
        ({"v_mineur_faits": "nsp"}, "nsp"),
    ],
)
def test_a_child_is_under_18_by_the_best_that_is_known(answers: dict[str, object], child: str) -> None:
    form = blank("traite")
    form.fill(with_victim(v_c_enreg="mandat", **answers))
    assert form.value("v_enfant") == child


def reasons(form: Form) -> list[str]:
    """The notes beneath a victim that tell what she is an indication of, and why."""
    names = ("traite", "les_deux", "verifier", "sans", "trafic", "p_moyen", "p_enfant", "m_acte", "m_moyen", "m_but",
             "m_age", "m_passage", "a_acte", "a_but", "a_moyen", "a_passage")  # fmt: skip
    return [name for name in names if form.relevant(f"n_v_{name}")]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ["traite", "p_moyen"]),
        ({"entree_irreguliere": "oui", "avantage": "oui"}, ["les_deux", "p_moyen"]),
        ({"moyens": ["none"], "v_mineur_faits": "oui"}, ["traite", "p_enfant"]),
        ({"moyens": ["ref"], "v_mineur_faits": "nsp"}, ["verifier", "m_moyen", "m_age"]),
        ({"actes": ["ref"], "exploitation": ["unk"]}, ["verifier", "m_acte", "m_but"]),
        ({"actes": ["none"], "avantage": "non"}, ["sans", "a_acte", "a_passage"]),
        ({"exploitation": ["child_labour"], "moyens": ["none"]}, ["sans", "a_but", "a_moyen", "a_passage"]),
        ({"moyens": ["none"], "entree_irreguliere": "nsp"}, ["verifier", "m_passage", "a_moyen"]),
        ({"actes": ["none"], "entree_irreguliere": "oui", "avantage": "oui"}, ["trafic", "a_acte"]),
    ],
)
def test_a_victims_note_says_why(changes: dict[str, object], told: list[str]) -> None:
    form = filled(blank("traite"), TRAITE)
    for question, answer in changes.items():
        assert form.set(question, answer) == "ok"
    assert reasons(form) == told


def test_what_a_person_prefers_not_to_tell_is_not_known() -> None:
    own = {"v_meme_situation": "non", "v_actes": "ref", "v_moyens": "ref", "v_exploitation": "ref"}
    form = filled(blank("traite"), {**TRAITE, "victime": [VICTIM, {**VICTIM, **own}]})
    assert [form.value(f"v_t_{fact}", 2) for fact in ("acte", "moyen", "but")] == ["nsp"] * 3
    for question in ("actes", "moyens", "exploitation"):
        assert form.set(question, ["ref"]) == "ok"
        assert form.labels(question)["ref"] == "La personne préfère ne pas répondre"
    assert [form.value(f"t_{fact}") for fact in ("acte", "moyen", "but")] == ["nsp"] * 3
    assert form.value("classement_evt") == "a_verifier"


def test_child_labour_alone_is_not_trafficking() -> None:
    form = filled(blank("traite"), {**KEY_CHILD, "exploitation": ["child_labour"]})
    assert form.value("classement_evt") == "aucun"


def test_domestic_movement_is_never_smuggling() -> None:
    form = filled(blank("traite"), TRAITE)
    form.set("entree_irreguliere", "oui")
    form.set("avantage", "oui")
    assert form.value("classement_evt") == "les_deux"
    form.set("portee", "domestic")
    assert not form.relevant("entree_irreguliere")
    assert form.value("classement_evt") == "traite_presumee"
    form.set("moyens", "none")
    assert form.value("classement_evt") == "aucun"


def test_the_first_victim_is_the_one_whom_the_events_acts_describe() -> None:
    form = filled(blank("traite"), {**TRAITE, "victime": [VICTIM, {**VICTIM, **OTHER}]})
    assert not form.relevant("v_meme_situation", 1)
    assert [form.value("v_classement", row) for row in (1, 2)] == ["traite_presumee", "aucun"]
    assert form.value("classement_evt") == "traite_presumee"  # the strongest of its victims
    form.delete("victime", 1)
    assert form.value("classement_evt") == "aucun"


def test_a_second_victims_own_facts_class_that_victim() -> None:
    own = {"v_meme_situation": "non", "v_actes": "receipt", "v_moyens": "unk", "v_exploitation": "wahaya"}
    answers = {**KEY_CHILD, "moyens": ["none"], "victime": [CHILD, {**VICTIM, **own}]}
    hidden = tuple(f"victime[2]/{name}" for name in ("v_c_nom", "v_nom", "v_prenom"))
    form = filled(blank("traite"), answers, unmet=hidden)
    assert form.value("v_classement", 2) == "a_verifier"
    form.set("v_moyens", "abduction", 2)
    assert form.value("v_classement", 2) == "traite_presumee"


def test_victims_known_by_number_alone_leave_the_childs_age_open() -> None:
    counts = {"nb_f_mineures": 1, "nb_h_mineurs": 0, "nb_f_adultes": 4, "nb_h_adultes": 0, "nb_inconnus": 0}
    answers = {**TRAITE, "ajouts": ["nombres"], **counts}
    del answers["victime"]
    form = filled(blank("traite"), answers)
    assert form.problem() is None
    assert form.value("resume") == "0 V : 0F/0H, 0 enf. ; +5 sans détail ; 0 A ; Traite présumée"
    form.set("moyens", "none")
    assert form.value("classement_evt") == "a_verifier"


def test_one_note_and_one_only_tells_the_result() -> None:
    notes = ("n_les_deux", "n_traite_presumee", "n_trafic_illicite", "n_a_verifier", "n_aucun")
    form = filled(blank("traite"), TRAITE)
    for means, border, benefit in itertools.product(("fraud", "none", "unk"), ANSWERS, ANSWERS):
        form.set("moyens", means)
        form.set("entree_irreguliere", border)
        form.set("avantage", benefit)
        assert [note for note in notes if form.relevant(note)] == [f"n_{form.value('classement_evt')}"]
