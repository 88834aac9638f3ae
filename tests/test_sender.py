"""A submission is held against the list of bodies and accounts: who is shown it, whose names, which account."""

from dataclasses import replace

import pytest

from tests.test_counting import derive
from tests.transform_fixture import REGISTER, SETTINGS, received, traite
from transforms.derive import Judged, Received, judge
from transforms.quality import reason_labels
from transforms.sender import misplaced, other_account

NAMED = {"v_nom": "Nom", "v_prenom": "Prénom", "v_cle": "nm.brnm-F-2014"}
MUTE = {code: replace(provider, nominative=False) for code, provider in REGISTER.items()}
AGENT = replace(SETTINGS, accounts={"tgi_1": "TGI", "pol_1": "POL"})


def one(case: Received, register: object = None, settings: object = None) -> Judged:
    (item,) = judge([case], REGISTER if register is None else register, settings or SETTINGS, {})  # type: ignore[arg-type]
    return item


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, None),
        ({"region_decl": None}, None),
        ({"region_decl": "NE001"}, "la même région que"),
        ({"famille_entite": "protection"}, "la même famille que"),
        ({"famille_entite": "Mariama", "region_decl": "NE001"}, "la même région ni la même famille que"),
    ],
)
def test_a_row_that_the_wrong_reviewers_see_is_told(told: dict[str, str], words: str | None) -> None:
    item = one(received(traite(**{"famille_entite": "justice_securite"} | told)))
    found = [f for f in item.findings if f.rule == "entity_family_differs"]
    assert [f.severity for f in found] == ["error"] * (words is not None) and item.exclusion is None
    assert all(words and words in f.message and "Mariama" not in f.message for f in found)
    assert misplaced(item.received.mapped.shown_to, None, "k", None) == []  # an unlisted body has its own rule


def test_names_of_a_body_that_may_not_pass_them_on_are_dropped_and_told() -> None:
    case = received(traite(victims=[NAMED, NAMED | {"v_cle": None}, {"v_cle": NAMED["v_cle"]}]))
    item = one(case, MUTE)
    assert [f.record_id for f in item.findings if f.rule == "name_not_allowed"] == [
        "s/traite/1#ABCD2345-V1", "s/traite/1#ABCD2345-V2",
    ]  # fmt: skip
    kept = item.received.mapped.identities
    assert [(i.record_id[-2:], i.given_name, i.family_name, i.linkage_key) for i in kept] == [
        ("V1", None, None, "nm.brnm-F-2014"), ("V3", None, None, "nm.brnm-F-2014"),
    ]  # fmt: skip
    assert one(case).received.mapped == case.mapped and derive([case]).identity[0]["given_name"] == "Prénom"
    assert one(case, {}).received.mapped.identities == kept  # a body that is not in the list


def test_an_agents_account_that_sends_for_another_body_is_put_on_hold() -> None:
    held = one(received(traite(), account="TGI_1"), settings=AGENT)
    assert held.blocking and held.blocking.rule == "account_entity_differs" and held.exclusion
    paper = {"mode": "papier"}
    assert one(received(traite(**paper), account="tgi_1"), settings=AGENT).blocking
    for account in ("pol_1", "coord_1", None):
        assert one(received(traite(**paper), account=account), settings=AGENT).blocking is None
    assert other_account("pol_1", "POL", AGENT.accounts, "k", None) == []


def test_every_rule_has_a_label() -> None:
    assert {"entity_family_differs", "name_not_allowed", "account_entity_differs"} <= set(reason_labels())
