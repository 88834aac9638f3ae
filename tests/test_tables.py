"""The tables of the plan: they add up, zeros are honest, and undated or excluded cases are said."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.columns import columns_of
from tests.test_counting import derive
from tests.transform_fixture import received, trafic, traite
from transforms import consolidate, tables
from transforms.bundle import NOT_DECLARED, StatTable
from transforms.derive import Derived
from transforms.derived_tables import TABLES, check_row
from transforms.periods import parse_period
from transforms.reading import table as questions

SEMESTER = parse_period("2026-S1")


def frames_of(derived: Derived) -> dict[str, pd.DataFrame]:
    frames = {
        name: pd.DataFrame(getattr(derived, name), columns=list(TABLES[name]))
        for name in ("events", "victims", "perpetrators", "migrants", "migrant_details", "quality")
    }
    frames["smugglers"] = frames["perpetrators"][frames["perpetrators"]["series"] == "trafic"]
    frames["perpetrators"] = frames["perpetrators"][frames["perpetrators"]["series"] == "traite"]
    return frames


def build(number: str, frames: dict[str, pd.DataFrame], declared: bool = True) -> StatTable:
    spec = next(spec for spec in tables.plan() if spec["number"] == number)
    return tables.build(spec, frames, SEMESTER, all_declared=declared)


def as_dict(table: StatTable) -> dict[str, tuple[Any, ...]]:
    return dict(table.rows)


def test_the_declared_columns_are_those_of_the_rows() -> None:
    derived = derive([received(traite(auteur=[{"a_type": "natural"}])), received(trafic(), "trafic", key="t")])
    for table in ("events", "victims", "perpetrators", "migrants", "quality", "identity"):
        for row in getattr(derived, table):
            check_row(table, row)


def test_both_series_show_les_deux_and_are_never_added() -> None:
    both = traite("AAAA2345", portee="cross_border", entree_irreguliere="oui", avantage="oui")
    derived = derive([received(both, key="a"), received(traite("BBBB2345"), key="b"),
                      received(trafic(), "trafic", key="t")])  # fmt: skip
    table = build("1", frames_of(derived))
    assert not table.total_row
    assert [(label, cells[-1]) for label, cells in table.rows] == [
        ("Traite des personnes", 2), ("dont aussi trafic illicite (« les deux »)", 1),
        ("Trafic illicite de migrants", 2), ("dont aussi traite (« les deux »)", 1),
    ]  # fmt: skip
    # the person of « les deux » is a victim, and among the migrants
    assert as_dict(build("3", frames_of(derived)))["Ensemble"][-1] == 2


def test_a_zero_is_printed_only_when_everybody_declared() -> None:
    frames = frames_of(derive([received(traite())]))
    assert as_dict(build("3", frames, declared=True))["18 ans ou plus (adulte)"] == (0, 0, 0, 0)
    assert as_dict(build("3", frames, declared=False))["18 ans ou plus (adulte)"] == (NOT_DECLARED,) * 4


def test_undated_cases_are_in_no_period_but_said() -> None:
    table = build("1", frames_of(derive([received(traite(date_detection=None))])))
    assert [cells[-1] for _, cells in table.rows] == [0, 0, 0, 0]
    assert "Sans date, hors de toute période : 1." in table.notes


def test_an_undated_case_of_no_series_is_not_said_beneath_the_series() -> None:
    undated = received(traite(exploitation="unk", date_detection=None))
    assert not any("Sans date" in note for note in build("1", frames_of(derive([undated]))).notes)


def test_a_person_smuggled_and_told_as_a_victim_counts_at_the_events_detection() -> None:
    both = traite(portee="cross_border", entree_irreguliere="oui", avantage="oui",
                  victims=[{"v_date_ident": "2026-07-20"}])  # fmt: skip
    frames = frames_of(derive([received(both, received="2026-08-01")]))
    smuggled = {**frames, "migrants": consolidate.smuggled(frames)}
    assert as_dict(build("11", smuggled))["Ensemble"][-1] == 1


def test_a_file_prints_of_a_person_only_what_her_consent_allows() -> None:
    told = {"v_handicap": "oui", "v_orientation": "ngo"}
    victims = [told, told | {"v_c_partage": "non"}, {"v_c_enreg": "non", "v_majorite": "0-17"}]
    rows = frames_of(derive([received(traite(victims=victims))]))["victims"].rename(columns={"person_id": "pseudonym"})
    full, no_share, refused = consolidate.withhold(rows).to_dict("records")
    assert full["disability"] == "oui" and full["victim_code"] and full["identification_date"] == "2026-04-03"
    assert no_share["identification_date"] == refused["identification_date"] == "2026-04-01"
    for row in (no_share, refused):
        assert row["disability"] is row["referrals"] is row["age"] is row["victim_code"] is row["acts"] is None
        assert (row["sex"], row["age_group"], row["exploitation_main"]) == ("F", "0-17", "begging")
    assert no_share["case_code"] and refused["case_code"] is refused["event_id"] is refused["pseudonym"] is None


SENSITIVE = {
    "v_residence_pays": "NER", "v_residence_region": "NE001", "v_instruction": "primary", "v_matrimonial": "Married",
    "v_papiers": "withheld", "v_sante": "urgent", "v_age_entree": "10", "v_lien_recruteur": "Family",
    "v_besoins": "shelter", "v_handicap": "oui",
}  # fmt: skip
PRINTED_UNSHARED = {
    "episode", "entity", "entity_label", "ent_type", "family", "sex", "age_precision", "age_group", "child_in_law",
    "nationality", "identification_date", "quarter", "place_region", "exploitation", "exploitation_main", "assistance",
    "status_declared", "decider", "counted_status", "classification", "consent", "counted", "exclusion",
    "is_reference", "late", "case_code", "event_id", "pseudonym",
}  # fmt: skip
"""What a file may print of a person who agreed to be recorded and not to share: whatever a total needs."""


def test_what_is_sensitive_is_printed_only_of_who_agreed_to_share() -> None:
    victims = [SENSITIVE, SENSITIVE | {"v_c_partage": "non"}]
    rows = frames_of(derive([received(traite(victims=victims))]))["victims"].rename(columns={"person_id": "pseudonym"})
    full, unshared = consolidate.withhold(rows).to_dict("records")
    columns = {line.target for line in questions().values() if line.question in SENSITIVE}
    assert len(columns) == len(SENSITIVE)
    assert all(full[name] for name in columns) and not any(unshared[name] for name in columns)


def test_every_column_of_a_victim_is_decided_on() -> None:
    printed = {column.column for column in columns_of("victims")}
    assert printed == PRINTED_UNSHARED | set(consolidate._NOT_SHARED)


def test_a_refusal_has_its_own_line_and_an_age_refused_counts_as_unknown() -> None:
    told = {"v_nationalite": "ref", "v_age_connu": "ref", "v_age": None}
    frames = frames_of(derive([received(traite(victims=[told, {}]))]))
    assert as_dict(build("6", frames))["Refus de répondre"][-1] == 1
    assert as_dict(build("3", frames))["Âge inconnu"][-1] == 1


def test_an_answer_not_known_is_no_answer_in_a_table_of_several_answers() -> None:
    told = [received(trafic("AAAA2345", transport="truck"), "trafic", key="a"),
            received(trafic("BBBB2345", transport="unk"), "trafic", key="b")]  # fmt: skip
    assert build("14", frames_of(derive(told))).rows[-1][1][-1] == 1


def test_an_empty_period_is_printed_and_says_so() -> None:
    frames = frames_of(derive([]))
    for spec in tables.plan():
        table = tables.build(spec, frames, SEMESTER, all_declared=False)
        assert "Aucun cas déclaré dans la période." in table.notes and table.chart is None


def test_nationalities_beyond_the_fifth_are_together() -> None:
    nations = ["NER", "NGA", "BEN", "TGO", "GHA", "MLI", "BFA"]
    victims = [{"v_nationalite": code} for code, copies in zip(nations, (7, 6, 5, 4, 3, 2, 1), strict=True)
               for _ in range(copies)]  # fmt: skip
    table = build("6", frames_of(derive([received(traite(victims=victims))])))
    assert [label for label, _ in table.rows][-2:] == ["Autres", "Ensemble"]
    assert as_dict(table)["Autres"][-1] == 3 and as_dict(table)["Ensemble"][-1] == 28


def test_several_answers_say_their_denominator() -> None:
    victims = [{"v_assistance": "shelter Health"}, {"v_assistance": "Health"}, {}]
    table = build("10", frames_of(derive([received(traite(victims=victims))])))
    assert table.denominator and table.rows[-1][1][-1] == 2
    assert sum(cells[-1] for _, cells in table.rows[:-1]) == 3  # type: ignore[misc]


def test_a_form_known_by_name_counts_in_the_wider_one_and_beneath_it() -> None:
    forms = ("mining", "herding", "forced_labour", "domestic", "wahaya")
    cases = [received(traite(f"CASE222{n + 2}", exploitation=form), key=f"k{n}") for n, form in enumerate(forms)]
    table = build("4", frames_of(derive(cases)))
    assert [(label, cells[-1]) for label, cells in table.rows] == [
        ("Travail ou services forcés", 3),
        ("dont : Travail forcé à la mine ou sur un site d’orpaillage", 1),
        ("dont : Travail forcé d’élevage ou de gardiennage", 1),
        ("Esclavage ou pratiques analogues", 1),
        ("dont : Wahaya (« cinquième épouse »)", 1),
        ("Servitude", 1),
        ("dont : Servitude domestique", 1),
        ("Ensemble", 5),
    ]
    assert table.indent == (1, 2, 4, 6)


def test_a_main_form_that_nobody_would_tell_counts_with_the_unknown() -> None:
    cases = [
        received(traite(f"CASE222{n + 2}", exploitation="sexual begging", exploitation_princ=main), key=f"k{n}")
        for n, main in enumerate(("ref", "unk"))
    ]
    table = build("4", frames_of(derive(cases)))
    assert [(label, cells[-1]) for label, cells in table.rows] == [("Inconnu / non déterminé", 2), ("Ensemble", 2)]


SEXES = st.sampled_from(["F", "M", "U"])
VICTIM = st.fixed_dictionaries(
    {
        "v_sexe": SEXES,
        "v_age": st.none() | st.integers(0, 99).map(str),
        "v_nationalite": st.none() | st.sampled_from(["NER", "NGA", "MLI", "unk"]),
        "v_statut": st.sampled_from(["ActualVictimOfTrafficking", "PossibleVictimOfTrafficking"]),
        "v_statut_organe": st.none() | st.sampled_from(["police", "ngo"]),
    }
)


@given(st.lists(st.tuples(st.lists(VICTIM, max_size=4), st.sampled_from(["begging", "sexual", "none"])), max_size=6))
def test_margins_add_up_and_one_population_has_one_total(cases: list[tuple[list[dict[str, Any]], str]]) -> None:
    derived = derive(
        received(traite(f"CASE222{n + 2}", victims=victims, exploitation=form), key=f"k{n}")
        for n, (victims, form) in enumerate(cases)
    )
    frames = frames_of(derived)
    totals = set()
    for number in ("3", "4", "5", "6"):
        table = build(number, frames)
        *lines, (_, total) = table.rows
        for position in range(len(table.columns)):
            assert sum(cells[position] for _, cells in lines) == total[position]  # type: ignore[misc]
        for _, cells in table.rows:
            assert sum(cells[:-1]) == cells[-1]  # type: ignore[arg-type]
        totals.add(total[-1])
    assert len(totals) == 1
    assert totals == {sum(1 for row in derived.victims if row["counted"] and row["is_reference"]
                          and row["classification"] == "traite_presumee"
                          and row["counted_status"] == "identified")}  # fmt: skip


@pytest.mark.parametrize("spec", tables.plan(), ids=lambda spec: spec["number"])
def test_the_plan_says_what_a_table_must_say(spec: dict[str, Any]) -> None:
    said = ("number", "title", "unit", "population", "reference_date", "frame", "select", "in")
    assert all(spec[key] for key in said)
    assert spec["frame"] in tables.DATE_OF and spec["select"] in tables.SELECT
    multiple = spec.get("rows", {}).get("multiple")
    assert bool(multiple) == bool(spec.get("denominator"))
