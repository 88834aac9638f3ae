"""What an erasure takes out of a submission, and what it must leave for the counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kobo_sync.store import Store, canonical
from kobo_sync.suppress import empty_answers, suppressed, suppressed_text
from tests.store_fixture import KEY, row
from tests.transform_fixture import traite
from transforms import codelists, reading
from transforms.mapping import map_submission
from transforms.reading import table

NAMES = {"v_prenom": "Fatouzik", "v_nom": "Zakwembaro", "v_cle": "FTZK-ZKWM-F-2012", "v_nom_mot1": "zakwembaro"}
CODE = "ABCD2345"


def named(*victims: dict[str, Any]) -> dict[str, Any]:
    """A case whose victims have names, keys and what older phones left."""
    return traite(CODE, [NAMES | victim for victim in victims], observations="Zakwembaro au marché")


def erased(raw: dict[str, Any]) -> str:
    return canonical(empty_answers("traite", raw, None))


def readable(line: reading.Line) -> str:
    """An answer that reads by the kind of its question."""
    if line.kind in ("text", "ignore"):
        typed = {"form_release": "traite-0123456789", "entity": "POL_NIA", "provider": "POL_NIA", "name": "Ma vie",
                 "family_phone": "police", "region_phone": "NE008"}  # fmt: skip
        return typed.get(line.target, f"{CODE}-V1" if line.target.endswith("_code") else "3")
    if line.kind in ("code", "codes"):
        return codelists.codes(line.variable)[-1]
    place = {"region": "NE008", "department": "NE008001", "commune": "NE008001001"}.get(line.variable, "")
    return {"answer": "oui", "int": "7", "date": "2026-04-15T10:00:00.000+01:00", "month": "2026-04", "case_code": CODE,
            "band": "unk", "place": place, "key": "FTZK-ZKWM-F-2012"}[line.kind]  # fmt: skip


def test_a_name_typed_where_none_is_asked_goes_too() -> None:
    name = "Zakwembaro"
    for form in sorted(reading.forms()):
        lines = [line for line in table().values() if line.form == form and line.target != "name"]
        raw: dict[str, Any] = {f"g/{line.question}": f"F {name}" for line in lines if not line.repeat}
        for repeat in {line.repeat for line in lines} - {""}:
            raw[repeat] = [{f"{repeat}/{line.question}": name for line in lines if line.repeat == repeat}]
        raw |= dict.fromkeys(
            ("start", "end", "__version__", "meta/instanceID", "meta/deprecatedID", "_uuid", "_date_modified"), name
        )
        raw |= {"_validation_status": {"uid": "validation_status_on_hold", "label": name}}
        assert name not in canonical(empty_answers(form, raw, None)), form


def test_of_several_choices_those_that_can_be_read_stay() -> None:
    (known, *_) = codelists.codes("evt_act")
    assert empty_answers("traite", {"fait/actes": f"{known} Zakwembaro"}, None) == {"fait/actes": known}


def test_every_question_marked_identifying_is_emptied_and_no_other_answer() -> None:
    for form in sorted(reading.forms()):
        lines = [line for line in table().values() if line.form == form]
        raw: dict[str, Any] = {f"groupe/{line.question}": readable(line) for line in lines if not line.repeat}
        for repeat in {line.repeat for line in lines} - {""}:
            raw[repeat] = [{f"{repeat}/{line.question}": readable(line) for line in lines if line.repeat == repeat}]
        kept = empty_answers(form, raw, None)
        for line in lines:
            place, path = (kept[line.repeat][0], f"{line.repeat}/{line.question}") if line.repeat else (
                kept, f"groupe/{line.question}")  # fmt: skip
            assert (path in place) is not line.identifying, line


def test_what_no_table_knows_and_what_people_type_beside_the_form_goes() -> None:
    raw = named({"inconnue": "Zakwembaro"}) | {
        "meta/instanceID": "uuid:0f1e2d3c-0f1e-2d3c-4b5a-0123456789ab",
        "_notes": [{"note": "Zakwembaro"}], "_tags": ["Zakwembaro"], "meta/instanceName": "Zakwembaro",
        "libre": "Zakwembaro", "groupe/serie": [{"x": "Zakwembaro"}], "_submitted_by": "phone1",
        "__system": {"submitterName": "phone1"},
    }  # fmt: skip
    text = erased(raw)
    assert not any(name.lower() in text.lower() for name in NAMES.values())
    assert '"_submitted_by":"phone1"' in text and '"meta/instanceID"' in text


def test_an_age_worked_out_from_the_birth_date_stays_and_every_count_with_it() -> None:
    born = {"v_date_naissance": "2011-09-14", "v_age_connu": "birth_date", "v_age": None}
    raw = named(born, {}, born | {"v_date_naissance": "1890-01-01"})
    kept = empty_answers("traite", raw, None)
    assert "2011-09-14" not in canonical(kept)
    before, after = map_submission("k", "traite", raw), map_submission("k", "traite", kept)
    assert before.victims[0].age == after.victims[0].age == 14 and before.victims[0].age_precision == "birth_date"
    ignored = {"age_precision"}
    assert [v.model_dump(exclude=ignored) for v in before.victims] == [
        v.model_dump(exclude=ignored) for v in after.victims
    ]
    assert before.identities and not after.identities
    assert before.perpetrators == after.perpetrators and before.event == after.event


def test_of_one_person_only_her_row_and_what_is_said_of_all() -> None:
    raw = named({}, {}, {})
    kept = empty_answers("traite", raw, ["K7M4XQ2P2-V2"])  # the case's code was corrected since
    assert [("victime/v_nom" in item) for item in kept["victime"]] == [True, False, True]
    assert "observations" not in kept


def test_a_row_without_a_code_is_emptied_since_it_may_be_hers() -> None:
    raw = named({}, {"v_code": None})
    kept = empty_answers("traite", raw, [f"{CODE}-V7"])
    assert [("victime/v_nom" in item) for item in kept["victime"]] == [True, False]


def test_a_repeat_that_became_a_group_is_emptied_too() -> None:
    raw = named({})
    raw["victime"] = raw["victime"][0]
    assert "Zakwembaro" not in erased(raw) and "victime/v_sexe" in erased(raw)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.permutations(range(5)), st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)))
def test_rows_in_any_order_and_erasures_one_after_the_other_give_the_same(
    order: list[int], first: set[int], then: set[int]
) -> None:
    victims = [
        {"v_code": f"{CODE}-V{n + 1}", "v_nom": f"Zakwembaro{n}", "v_date_naissance": f"199{n}-01-01"} for n in order
    ]
    raw = named(*victims)
    codes = {f"{CODE}-V{n + 1}" for n in first}, {f"{CODE}-V{n + 1}" for n in then}
    at_once = empty_answers("traite", raw, codes[0] | codes[1])
    assert empty_answers("traite", empty_answers("traite", raw, codes[0]), codes[1]) == at_once
    assert empty_answers("traite", at_once, codes[0] | codes[1]) == at_once
    left = {n for n in order if f"Zakwembaro{n}" in canonical(at_once)}
    assert left == set(range(5)) - first - then


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anltp.db", KEY) as opened:
        yield opened


def suppress(store: Store, remote_key: str, root: str | None = None, code: str | None = None) -> None:
    at = "2026-11-02T01:00:00+00:00"
    store.connection.execute("INSERT OR IGNORE INTO erasure VALUES (1, ?, 'x', 'x', 'case', 'x', '{}')", (at,))
    store.connection.execute(
        "INSERT INTO suppression (erasure_id, source, form, remote_key, root_uuid, row_code, at)"
        " VALUES (1, 'kobo-anltp', 'traite', ?, ?, ?, ?)",
        (remote_key, root, code, at),
    )


def test_a_row_comes_back_empty_under_its_key_or_any_uuid_it_ever_had(store: Store) -> None:
    mine = row("7", **named({}, {}))
    assert suppressed(store, "kobo-anltp", "traite", mine) is mine
    suppress(store, "7", "root-7")
    assert "Zakwembaro" not in canonical(suppressed(store, "kobo-anltp", "traite", mine).raw)
    resent = row("99", **named({}))
    assert suppressed(store, "kobo-anltp", "traite", resent) is resent
    for known in ({"root_uuid": "root-7"}, {"instance_uuid": "root-7"}, {"witnesses": frozenset({"a", "root-7"})}):
        again = suppressed(store, "other", "traite", type(resent)(**(vars(resent) | known)))
        assert "Zakwembaro" not in canonical(again.raw), known


def test_persons_erased_one_after_the_other_are_all_kept_empty_and_a_whole_case_wins(store: Store) -> None:
    mine = row("7", **named({}, {}, {}))
    suppress(store, "7", code=f"{CODE}-V1")
    suppress(store, "7", code=f"{CODE}-V3")
    kept = suppressed(store, "kobo-anltp", "traite", mine).raw["victime"]
    assert [("victime/v_nom" in item) for item in kept] == [False, True, False]
    suppress(store, "7")
    assert "Zakwembaro" not in canonical(suppressed(store, "kobo-anltp", "traite", mine).raw)


def test_what_quarantine_keeps_of_an_erased_row_is_emptied_or_not_kept(store: Store) -> None:
    text = json.dumps(named({}) | {"_uuid": "u7", "meta/rootUuid": "uuid:root-7"})
    args = (store.connection, "kobo-anltp", "traite")
    assert suppressed_text(*args, "7", None, text) == text
    suppress(store, "7", "root-7")
    for key in ("7", None):  # without a key, the root that the text itself tells
        kept = suppressed_text(*args, key, None, text)
        assert kept is not None and "Zakwembaro" not in kept and "v_sexe" in kept
    assert suppressed_text(*args, "7", None, '["Zakwembaro"') is None
    assert suppressed_text(*args, "8", "other", '["Zakwembaro"') is not None
