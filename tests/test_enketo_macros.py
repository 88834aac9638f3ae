"""The macros as Enketo reckons them: codes and their check, numbers that nothing takes back, keys of names."""

import random

import pytest

from tests.engines.enketo import Form
from tests.enketo_fixture import needs_browser
from tests.test_form_macros import code_form, name_form, numbered
from transforms import case_code
from transforms.linkage_key import name_key

pytestmark = needs_browser

FRENCH = (
    "a e i o u é è ï ou oua ha wa ba fa pa va ça ga ja qa sa xa za da ta la ma na ra ss mm nn tch gn N’ O' St. Œ Ñi ÿ"
)
HAUSA = "ya ka ɓa ɗo ƙa ƴi ŋa ɲa ngu sha dj 1 ؟ \u0301"


def made_up_names(count: int) -> list[str]:
    """Names of no one, in the letters of French and of the languages of Niger, as a tired hand types them."""
    chance = random.Random(11)
    syllables = f"{FRENCH} {HAUSA}".split(" ")

    def word() -> str:
        text = "".join(chance.choices(syllables, k=chance.randint(1, 7)))
        return chance.choice((str.upper, str.capitalize, str))(text)

    return [chance.choice((" ", "  ", "-")).join(word() for _ in range(chance.randint(1, 6))) for _ in range(count)]


def test_the_browser_completes_a_code_as_the_base_does() -> None:
    form = Form(code_form())
    assert form.errors == []
    chance = random.Random(4)
    drawn = [("".join(chance.choices(case_code.ALPHABET, k=7)), chance.randrange(31)) for _ in range(150)]
    assert form.walk(["drawn", "number"], drawn, "code") == [case_code.complete(*pair) for pair in drawn]


def test_the_browser_refuses_what_the_base_refuses() -> None:
    chance = random.Random(5)
    typed = []
    for _ in range(150):
        code = case_code.issue(chance.randrange)
        at = chance.randrange(9)
        typed.append(code if chance.random() < 0.3 else code[:at] + chance.choice("2K0I") + code[at + 1 :])
    verdicts = Form(code_form()).walk(["typed"], [[code] for code in typed], "valid")
    assert [verdict == "oui" for verdict in verdicts] == [case_code.is_case_code(code) for code in typed]
    assert set(verdicts) == {"oui", "non"}


@pytest.mark.parametrize("typed", ["k7m4xq2p2", "K7M 4XQ 2P2", "k7m-4xq–2p2", "K7M.4XQ.2P2"])
def test_a_code_may_be_typed_as_it_is_read(typed: str) -> None:
    form = Form(code_form())
    form.set("typed", typed)
    assert (form.value("normal"), form.value("shown")) == ("K7M4XQ2P2", "K7M 4XQ 2P2")


def test_a_number_stays_when_another_row_goes() -> None:
    form = Form(numbered())
    form.fill({"person": [{"word": "a"}, {"word": "b"}, {"word": "c"}]})
    assert [form.value("code", row) for row in (1, 2, 3)] == ["X-V1", "X-V2", "X-V3"]
    form.delete("person", 2)
    assert [form.value("code", row) for row in (1, 2)] == ["X-V1", "X-V3"]
    form.add("person")
    assert [form.value("code", row) for row in (1, 2, 3)] == ["X-V1", "X-V3", "X-V4"]
    form.delete("person", 1)
    form.set("last", "z")
    assert [form.value("code", row) for row in (1, 2)] == ["X-V3", "X-V4"]


@pytest.mark.parametrize("submitted", [False, True])
def test_a_number_stays_in_a_form_opened_again(submitted: bool) -> None:
    form = Form(numbered())
    form.fill({"person": [{"word": "a"}, {"word": "b"}, {"word": "c"}]})
    form.delete("person", 1)
    again = Form(numbered(), form.xml() if submitted else form.draft(), submitted=submitted)
    assert again.errors == []
    assert [again.value("code", row) for row in (1, 2)] == ["X-V2", "X-V3"]
    again.add("person")
    again.delete("person", 1)
    assert [again.value("code", row) for row in (1, 2)] == ["X-V3", "X-V4"]


def test_a_name_folds_to_the_same_key_as_in_the_base() -> None:
    names = made_up_names(400)
    keys = Form(name_form()).walk(["name"], [[name] for name in names], "key")
    assert [(name, key) for name, key in zip(names, keys, strict=True) if key != name_key(name)] == []
    assert len(set(keys)) > 200
