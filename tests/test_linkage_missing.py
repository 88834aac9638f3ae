"""What a person did not tell, or refused to tell, is no sign that two records are one, nor that they are two."""

import pandas as pd
import pytest

from transforms.linkage.perpetrators import link_perpetrators
from transforms.linkage.prepare import prepare
from transforms.models import Perpetrator


@pytest.mark.parametrize("said", ["unk", "ref", None])
def test_an_unknown_nationality_is_compared_with_nothing(said: str | None) -> None:
    record = {"record_id": "r", "submission_key": "k", "entity": "POL", "given_name": "Moussa", "nationality": said}
    assert prepare(pd.DataFrame([record]), {}, 10.0)[0]["nationality"] is None


def suspect(key: str, nationality: str | None) -> Perpetrator:
    return Perpetrator(
        submission_key=key, case_code="K7M4XQ2P2", record_id=f"{key}#A1", perpetrator_code="K7M4XQ2P2-A1",
        entity="POL", series="traite", per_type="natural", sex="M", age_group="unk", nationality=nationality,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("NER", "ref", True), ("ref", "unk", True), ("NER", None, True), ("NER", "NER", True), ("NER", "NGA", False)],
)
def test_a_suspects_refused_nationality_keeps_no_one_apart(one: str | None, other: str | None, same: bool) -> None:
    clusters = link_perpetrators([suspect("a", one), suspect("b", other)], {"a": "e", "b": "e"})
    assert (len(set(clusters.values())) == 1) == same
