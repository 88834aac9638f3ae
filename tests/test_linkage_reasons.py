"""Every reason that linkage can give has its French words."""

from transforms.linkage.model import COMPARISONS
from transforms.linkage.reasons import in_words, labels


def test_every_level_of_the_model_has_a_label() -> None:
    levels = {f"{name}:{level}" for name, (_, found) in COMPARISONS.items() for level, _ in found}
    events = {"place:commune", "place:department", "place:region", "date:same", "date:next", "size:same", "size:near"}
    assert set(labels()) == levels | events | {"persons:shared", "decision"}


def test_a_reason_reads_as_a_sentence_part() -> None:
    assert in_words("name:pair sex:same") == "noms identiques ; même sexe"
    assert in_words("") == ""
