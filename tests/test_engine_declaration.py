"""The quarterly declaration as a phone runs it: JavaRosa, the engine of ODK Collect and KoboCollect."""

import pytest

from tests.engines.javarosa import Form
from tests.forms_fixture import blank
from tests.forms_fixture_other import DECLARATION, NIL_BY_PHONE, TOMORROW, filled, screens

NUMBERS = ("nb_traite", "nb_victimes", "nb_trafic", "nb_migrants")


def test_a_declaration_takes_four_screens_and_can_be_sent() -> None:
    form = blank("declaration")
    assert screens(form, DECLARATION) == 4
    assert form.value("region_decl") == "NE007"
    assert form.value("famille_entite") == "protection"
    assert form.value("type_entite") == "ngo"
    assert form.value("resume") == "2026-T1 : 2 traite, 5 V ; 0 trafic, 0 M"
    told = form.text("n_comptes")
    assert told == "Traite : 2 cas, 5 victime(s).\nTrafic : 0 cas, 0 migrant(s)."
    assert form.text("n_titre").startswith("## ") and form.text("n_titre").endswith(" : 2026-T1")
    assert "Zinder" in form.text("n_titre")
    assert form.value("form_release").startswith("declaration-")


def test_no_case_is_declared_after_a_telephone_call() -> None:
    form = blank("declaration")
    assert screens(form, NIL_BY_PHONE) == 4
    assert form.value("resume") == "2026-T1 : état néant"
    assert form.text("n_resume") == "Aucun cas : état néant."
    assert form.text("n_titre_tel").endswith(" : 2026-T1, par téléphone")
    form.set("mode_decl", "paper")
    assert form.text("n_titre_papier").endswith(" : 2026-T1, sur papier")
    assert not form.relevant("n_titre") and not form.relevant("n_titre_tel")
    assert not any(form.relevant(number) for number in NUMBERS)
    assert all(f"<{number}>" not in form.xml() for number in NUMBERS)


def test_numbers_given_before_an_etat_neant_are_gone() -> None:
    form = filled(blank("declaration"), DECLARATION)
    form.set("neant", "oui")
    assert form.problem() is None
    assert form.value("resume") == "2026-T1 : état néant"
    assert "nb_victimes" not in form.xml()


def test_the_day_of_the_call_or_of_the_paper_is_asked_of_who_declares_for_another() -> None:
    form = filled(blank("declaration"), NIL_BY_PHONE)
    assert "dans le futur" in form.set("date_appel", TOMORROW)
    for mode, asked in (("phone", True), ("paper", True), ("self", False)):
        form.set("mode_decl", mode)
        assert form.relevant("date_appel") is asked


def test_four_zeros_are_an_etat_neant() -> None:
    form = blank("declaration")
    report = form.fill({**DECLARATION, **dict.fromkeys(NUMBERS, 0)})
    ((reference, refusal),) = report.refused.items()
    assert "nb_migrants" in reference and "répondez « Oui » à état néant" in refusal
    for number in NUMBERS:
        one = blank("declaration")
        assert one.fill({**DECLARATION, **dict.fromkeys(NUMBERS, 0), number: 1}).refused == {}
        assert one.problem() is None


def test_zeros_put_afterwards_are_found_before_sending() -> None:
    form = filled(blank("declaration"), DECLARATION)
    for number in ("nb_traite", "nb_victimes"):
        assert form.set(number, 0) == "ok"
    reference, message = form.problem() or ("", "")
    assert "nb_migrants" in reference and "répondez « Oui »" in message


@pytest.mark.parametrize(("number", "most"), list(zip(NUMBERS, (9999, 99999, 9999, 99999), strict=True)))
def test_numbers_have_bounds(number: str, most: int) -> None:
    form = filled(blank("declaration"), DECLARATION)
    assert form.set(number, most) == "ok"
    for beyond in (-1, most + 1):
        assert f"entre 0 et {most}" in form.set(number, beyond)


def on(day: str) -> Form:
    """The form as it behaves on another day than today, filled for the first quarter."""
    xform = blank("declaration").xform
    moved = xform.with_name(f"{day}.xml")
    moved.write_text(xform.read_text(encoding="utf-8").replace("today()", f"date('{day}')"), encoding="utf-8")
    return filled(Form(moved), DECLARATION)


@pytest.mark.parametrize(
    ("day", "this"),
    [("2026-03-31", 1), ("2026-04-01", 2), ("2026-06-30", 2), ("2026-07-01", 3), ("2026-10-01", 4), ("2026-12-31", 4)],
)
def test_a_quarter_that_has_not_begun_is_refused(day: str, this: int) -> None:
    form = on(day)
    for quarter in (1, 2, 3, 4):
        outcome = form.set("trimestre", f"T{quarter}")
        if quarter > this:
            assert "pas encore commencé" in outcome
        else:
            assert outcome == "ok"
            assert form.relevant("n_en_cours") is (quarter == this)
    assert "année en cours" in form.set("annee", 2027)
    assert "2015" in form.set("annee", 2014)


def test_a_year_changed_afterwards_is_found_before_sending() -> None:
    form = on("2026-08-15")
    for name, value in (("annee", 2025), ("trimestre", "T4"), ("annee", 2026)):
        assert form.set(name, value) == "ok"
    reference, message = form.problem() or ("", "")
    assert "trimestre" in reference and "pas encore commencé" in message


def test_a_declaration_is_certified_before_it_leaves() -> None:
    form = blank("declaration")
    report = form.fill({**DECLARATION, "certifie": "non"})
    (refusal,) = report.refused.values()
    assert "gardez-la en brouillon" in refusal
    assert (form.problem() or ("", ""))[0].endswith("certifie[1]")


def test_persons_without_a_case_are_only_remarked() -> None:
    form = filled(blank("declaration"), {**DECLARATION, "nb_trafic": 0, "nb_migrants": 12})
    assert "sans aucun cas" in form.text("n_sans_cas")
    assert form.problem() is None


def test_a_quarter_is_not_declared_before_it_begins() -> None:
    form = filled(blank("declaration"), NIL_BY_PHONE | {"date_appel": "2026-01-01"})
    assert form.problem() is None
    form.set("date_appel", "2025-12-31")
    reference, message = form.problem() or ("", "")
    assert "trimestre" in reference and "commence après l" in message
    form.set("annee", 2025)
    assert [form.set("trimestre", quarter) for quarter in ("T4", "T1")] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((2, 1, 0, 0), True),
        ((1, 0, 0, 0), True),
        ((2, 2, 0, 0), False),
        ((0, 0, 3, 2), True),
        ((0, 0, 1, 0), True),
        ((0, 0, 1, 60), False),
    ],
)
def test_fewer_persons_than_cases_are_only_remarked(numbers: tuple[int, ...], told: bool) -> None:
    form = filled(blank("declaration"), DECLARATION | dict(zip(NUMBERS, numbers, strict=True)))
    assert form.relevant("n_moins") is told
    assert form.problem() is None


def test_questions_are_put_in_english_too() -> None:
    form = filled(blank("declaration"), DECLARATION)
    form.language("English (en)")
    assert form.text("neant") == "No case this quarter (nil return)?"
    assert form.labels("trimestre")["T1"].startswith("1st quarter")
