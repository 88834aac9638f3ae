"""The truth table says what Palermo's article 3 and the Smuggling Protocol's article 3 say, in all 729 cases."""

import itertools

from transforms import codelists
from transforms.determination import ORDER, Facts, any_of, determine, purpose_of, strongest, truth_table

ANSWERS = ("oui", "non", "nsp")
TRUTH = {"oui": True, "non": False, "nsp": None}


def both(*values: bool | None) -> bool | None:
    return False if False in values else (None if None in values else True)


def either(*values: bool | None) -> bool | None:
    return True if True in values else (None if None in values else False)


def test_every_combination_follows_the_definitions() -> None:
    combinations = list(itertools.product(ANSWERS, repeat=6))
    assert set(truth_table()) == set(combinations)
    for combination in combinations:
        act, means, purpose, child, border, benefit = (TRUTH[a] for a in combination)
        traite = both(act, purpose, either(means, child))
        trafic = both(border, benefit)
        found = determine(Facts(*combination)).result  # type: ignore[arg-type]
        if traite and trafic:
            assert found == "les_deux"
        elif traite:
            assert found == "traite_presumee"
        elif trafic:
            assert found == "trafic_illicite"
        elif traite is None or trafic is None:
            assert found == "a_verifier"
        else:
            assert found == "aucun"


def test_a_child_needs_no_means_and_an_adult_does() -> None:
    child = Facts(act="oui", purpose="oui", means="non", child="oui", border="non")
    adult = Facts(act="oui", purpose="oui", means="non", child="non", border="non")
    unknown = Facts(act="oui", purpose="oui", means="non", child="nsp", border="non")
    assert [determine(f).result for f in (child, adult, unknown)] == ["traite_presumee", "aucun", "a_verifier"]


def test_domestic_movement_alone_is_never_smuggling() -> None:
    for rest in itertools.product(ANSWERS, repeat=5):
        act, means, purpose, child, benefit = rest
        result = determine(Facts(act, means, purpose, child, "non", benefit)).result  # type: ignore[arg-type]
        assert result not in ("les_deux", "trafic_illicite")


def test_every_reason_has_its_words() -> None:
    for verdict in truth_table().values():
        assert " ; " in verdict.reason and verdict.reason[0].islower()


def test_results_are_the_code_list_and_the_strongest_wins() -> None:
    assert list(ORDER) == codelists.codes("classification")
    assert strongest(["aucun", "trafic_illicite", "traite_presumee"]) == "traite_presumee"
    assert strongest([]) is None


def test_child_labour_alone_is_no_purpose_of_trafficking() -> None:
    assert purpose_of(["child_labour"]) == "non"
    assert purpose_of(["child_labour", "begging"]) == "oui"
    assert purpose_of(["unk"]) == purpose_of([]) == "nsp"
    assert purpose_of(["ref"]) == any_of(["ref"]) == "nsp"
    assert purpose_of(["none"]) == "non"
