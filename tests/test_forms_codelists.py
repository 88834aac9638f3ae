"""The code list and the list of places: complete, in two languages, each code once."""

from collections import Counter

import pytest

from transforms import codelists, places


@pytest.mark.parametrize("variable", codelists.variables())
def test_every_code_has_both_labels_and_a_source(variable: str) -> None:
    for code in codelists.codes(variable):
        entry = codelists.entry(variable, code)
        assert entry.label_fr and entry.label_en and entry.origin
        assert bool(entry.ask_fr) == bool(entry.ask_en)
        assert entry.status in ("source", "inferred")


def test_no_code_passes_for_an_official_one() -> None:
    entries = [codelists.entry(v, c) for v in codelists.variables() for c in codelists.codes(v)]
    assert {entry.ictip_code for entry in entries} == {""}


def test_a_sub_form_counts_in_a_code_of_its_own_list() -> None:
    assert codelists.parent("evt_exploitation", "wahaya") == "slavery"
    for variable in codelists.variables():
        for code in codelists.codes(variable):
            assert codelists.parent(variable, code) in {None, *codelists.codes(variable)}


def test_every_kind_of_body_belongs_to_a_family() -> None:
    families = {code: codelists.family(code) for code in codelists.codes("ent_type")}
    assert (families.pop("none"), families.pop("unk")) == ("", "")  # no body
    assert set(families.values()) == set(codelists.codes("ent_family"))
    assert families["army"] == families["dsj"] == "justice_securite"
    assert families["labour_inspectorate"] == families["ngo"] == "protection"


def test_the_phone_says_who_did_the_act_and_tables_stay_short() -> None:
    assert codelists.label("evt_act", "recruitment") == "Recrutement"
    assert codelists.asked("evt_act", "recruitment") == "L’auteur a recruté la personne"
    assert codelists.asked("evt_act", "recruitment", "en").startswith("The perpetrator")
    assert codelists.asked("vic_rel_perp", "Friend") == codelists.label("vic_rel_perp", "Friend")


def test_unknown_link_and_stranger_are_two_answers() -> None:
    labels = codelists.labels("vic_rel_perp")
    assert labels["Unknown"] == "Lien non connu"
    assert labels["Unacquainted"] == "Personne étrangère à la victime"


def test_an_unknown_code_shows_as_it_is() -> None:
    assert codelists.label("sex", "X") == "X"
    assert places.label("NE999") == "NE999"
    assert places.region_of("NE999") is None


def test_niger_has_8_regions_67_departments_or_cities_and_266_communes() -> None:
    assert Counter(place.level for place in places.all_places()) == {"region": 8, "department": 67, "commune": 266}
    assert list(places.regions()) == [f"NE00{n}" for n in range(1, 9)]
    for place in places.all_places():
        assert places.region_of(place.pcode) == place.pcode[:5]
        assert places.is_place(place.parent or place.pcode)


def test_two_places_of_one_name_are_told_apart_by_their_code() -> None:
    named = [place.pcode for place in places.all_places() if place.label == "Tibiri" and place.level == "commune"]
    assert len(named) == 2
    assert len({places.region_of(pcode) for pcode in named}) == 2
