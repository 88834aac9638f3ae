"""The phone and the base give one key to one name: the traite form in the phone's engine, over generated names.

Of names drawn from every listed and many unlisted characters, and of usual ones, both compute the same.
"""

from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.engines.javarosa import Form
from tests.forms_fixture import CHILD, KEY_CHILD, blank
from transforms.linkage_key import _fold, is_linkage_key, linkage_key, name_key

LISTED = "".join(sorted(_fold()))
UNLISTED = "'’ʼ\u00a0.,;!?()*&<>\"“”…=+@#%\\^~|$€ßøþⵣ漢🙂\u0301\u0327\u200b\u00ad"
"""Arabic letters are not among them: the form asks for Latin ones."""
LETTER = st.sampled_from(LISTED) | st.sampled_from(UNLISTED)
NAME = st.text(alphabet=LETTER, min_size=1, max_size=60).filter(lambda name: len(name.encode("utf-16-le")) <= 120)
USUAL = [
    "Mahamadou", "Issoufou", "Aïchatou", "N’Diaye", "Ɗan-Ƙasa", "ɓaɓa", "Hawwa’u", "Zeïnabou", "abdoul-karim",
    "OUSMANE", "Çelik",
]  # fmt: skip
WORDS = st.lists(st.sampled_from(USUAL), min_size=1, max_size=6).map(" ".join).filter(lambda name: len(name) <= 60)


@cache
def opened() -> Form:
    """The form at the question of the name, of a person whose name may not be passed on."""
    form = blank("traite")
    before = {name: value for name, value in CHILD.items() if name not in ("v_nom_entier", "v_nom_efface")}
    form.fill({**KEY_CHILD, "victime": [before]})
    assert form.relevant("v_nom_entier")
    return form


def key_of(name: str) -> str:
    form = opened()
    assert form.set("v_nom_entier", name) == "ok", name
    return str(form.value("v_cle_nom") or "")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NAME)
@example("  — · ")
@example("'\"<&>")
@example("A\u00a0A")
@example("bdbdbdbdbdbdbdbdbdbd mnmnmnmnmnmnmnmnmnmn")
def test_any_typed_name_has_the_same_key_on_the_phone_and_here(name: str) -> None:
    if name.strip():
        assert key_of(name) == name_key(name)


@settings(max_examples=150, deadline=None)
@given(WORDS)
def test_usual_names_have_the_same_key_on_the_phone_and_here(name: str) -> None:
    assert key_of(name) == name_key(name)


@pytest.mark.parametrize(("age", "year"), [({"v_age_connu": "age", "v_age": 12}, None),
                                           ({"v_age_connu": "birth_date", "v_date_naissance": "2014-02-03"}, 2014),
                                           ({"v_age_connu": "ref"}, None)])  # fmt: skip
def test_the_whole_key_is_the_same_too(age: dict[str, object], year: int | None) -> None:
    form = blank("traite")
    victim = {name: value for name, value in CHILD.items() if name not in ("v_age_connu", "v_age")} | age
    report = form.fill({**KEY_CHILD, "victime": [victim]})
    assert not report.refused
    key = form.value("v_cle")
    assert key == linkage_key(str(CHILD["v_nom_entier"]), "F", year) and is_linkage_key(key)
