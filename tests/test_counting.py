"""The counting rules, each shown by the case it was written for."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest

from tests.transform_fixture import REGISTER, SETTINGS, received, trafic, traite
from transforms import counting
from transforms.derive import Derived, Received, assemble, judge


def derive(
    submissions: Iterable[Received],
    persons: dict[str, str] | None = None,
    events: dict[str, str] | None = None,
    classified: dict[str, str] | None = None,
) -> Derived:
    """The derived rows, every person and event its own unless `persons` or `events` say otherwise."""
    received_all = list(submissions)
    person_of = {
        row.record_id: row.record_id for s in received_all for row in (*s.mapped.victims, *s.mapped.perpetrators)
    } | (persons or {})
    event_of = {s.key: s.key for s in received_all} | (events or {})
    return assemble(judge(received_all, REGISTER, SETTINGS, classified or {}), SETTINGS, person_of, event_of)


def standing(rows: list[dict[str, Any]]) -> list[str]:
    return [row["submission_key"] for row in rows if row["counted"] and row["is_reference"]]


ON_HOLD, APPROVED = "validation_status_on_hold", "validation_status_approved"


@pytest.mark.parametrize(
    ("uid", "by", "instance", "state", "counts"),
    [
        (None, None, None, "none", True),
        (APPROVED, "coord", "u", "approved", True),
        (APPROVED, "coord", "older", "to_confirm", True),
        ("validation_status_not_approved", "coord", "u", "not_approved", False),
        (ON_HOLD, "coord", "u", "on_hold", False),
        (ON_HOLD, "sync", "u", "none", True),
    ],
)
def test_the_review_of_people_decides(
    uid: str | None, by: str | None, instance: str | None, state: str, counts: bool
) -> None:
    out = derive([received(traite(), review_uid=uid, review_by=by, review_instance=instance)])
    assert (out.events[0]["review"], out.events[0]["counted"]) == (state, counts)
    assert out.victims[0]["counted"] is counts
    assert (out.events[0]["exclusion"] is None) is counts


def test_without_a_status_the_configuration_decides() -> None:
    review = counting.review_effect(None, None, None, "u", sync_account=None, no_status_counts=False)
    assert not review.counted and review.exclusion


@pytest.mark.parametrize(
    ("status", "decider", "expected"),
    [
        ("ActualVictimOfTrafficking", "police", "identified"),
        ("ActualVictimOfTrafficking", "ngo", "presumed"),
        ("ActualVictimOfTrafficking", None, "presumed"),
        ("PossibleVictimOfTrafficking", "police", "presumed"),
        (None, None, "presumed"),
        ("NotAVictimOfTrafficking", "court", "not_victim"),
    ],
)
def test_identified_is_decided_by_a_body_on_the_list(status: str | None, decider: str | None, expected: str) -> None:
    assert counting.counted_status(status, decider, SETTINGS.identified_by) == expected


def test_a_person_told_twice_counts_once_at_the_first_identification() -> None:
    police = received(traite("AAAA2345"), key="a")
    court = received(traite("BBBB2345", entite=None, **{"declaration/entite": "TGI", "date_detection": "2026-05-20"}),
                     key="b")  # fmt: skip
    out = derive([police, court], persons={"a#AAAA2345-V1": "p", "b#BBBB2345-V1": "p"})
    assert standing(out.victims) == ["a"]
    assert standing(out.events) == ["a", "b"]  # two events stay two


def test_presumed_then_identified_counts_as_identified_then() -> None:
    ngo = traite("AAAA2345", **{"declaration/entite": "ONG"}, victims=[{"v_statut_organe": "ngo"}])
    police = traite("BBBB2345", date_detection="2026-05-20")
    out = derive([received(ngo, key="a"), received(police, key="b")],
                 persons={"a#AAAA2345-V1": "p", "b#BBBB2345-V1": "p"})  # fmt: skip
    assert standing(out.victims) == ["b"]
    assert [row["counted_status"] for row in out.victims] == ["presumed", "identified"]


def test_within_an_episode_a_record_of_the_series_carries_the_person() -> None:
    outside = traite("AAAA2345", exploitation="none", victims=[{"v_age": "30", "v_mineur_faits": "non"}])
    inside = traite("BBBB2345", date_detection="2026-05-20", victims=[{"v_statut": "PossibleVictimOfTrafficking"}])
    out = derive([received(outside, key="a"), received(inside, key="b")],
                 persons={"a#AAAA2345-V1": "p", "b#BBBB2345-V1": "p"})  # fmt: skip
    assert standing(out.victims) == ["b"]


def test_exploitation_after_an_identification_opens_an_episode() -> None:
    first = traite("AAAA2345")
    again = traite("BBBB2345", date_detection="2026-06-20", victims=[{"v_debut_exploitation": "2026-05-01"}])
    out = derive([received(first, key="a"), received(again, key="b")],
                 persons={"a#AAAA2345-V1": "p", "b#BBBB2345-V1": "p"})  # fmt: skip
    assert [row["episode"] for row in out.victims] == [1, 2]
    assert standing(out.victims) == ["a", "b"]


def test_two_reports_of_one_truck_leave_one_total_and_show_the_discrepancy() -> None:
    sixty, sixty_two = ([{"g_nationalite": "NGA", "g_h_adu": size}] for size in ("60", "62"))
    police = received(trafic("PPPP2345", groups=sixty), "trafic", key="p")
    oim = received(trafic("QQQQ2345", entite="OIM", groups=sixty_two), "trafic", key="q")
    out = derive([oim, police], events={"p": "e", "q": "e"})
    assert standing(out.events) == ["p"]
    assert sum(row["persons"] for row in out.migrants if row["is_reference"]) == 60
    by_key = {row["submission_key"]: row for row in out.events}
    assert "62 (OIM)" in by_key["p"]["discrepancy"] and "60 (Police)" in by_key["q"]["discrepancy"]


def test_a_person_only_the_second_report_tells_is_within_the_standing_total() -> None:
    police = received(traite("AAAA2345", victims=[{}, {}]), key="a")
    ngo = received(traite("BBBB2345", **{"declaration/entite": "ONG"}, victims=[{}, {}]), key="b")
    out = derive([police, ngo], events={"a": "e", "b": "e"}, persons={"b#BBBB2345-V1": "p", "a#AAAA2345-V1": "p"})
    assert standing(out.victims) == ["a", "a"]
    assert [row["exclusion"] for row in out.victims if not row["counted"]] == [
        "événement déjà compté d’après un autre organisme"
    ]


def test_a_decision_of_a_person_stands_over_the_computed_classification() -> None:
    out = derive([received(traite())], classified={"ABCD2345": "aucun"})
    assert out.events[0]["classification"] == "aucun" and out.victims[0]["classification"] == "aucun"
    assert out.events[0]["classification_decided"] is True


def test_a_copied_submission_keeps_only_the_first_until_corrected() -> None:
    first = received(traite(), key="a", order=1)
    copy = received(traite(), key="b", order=2)
    out = derive([copy, first])
    assert standing(out.events) == ["a"]
    assert [q["submission_key"] for q in out.quality if q["rule"] == "case_code_twice"] == ["b"]


def test_a_perpetrator_counts_once_per_stage() -> None:
    def with_stage(code: str, stage: str, day: str | None) -> dict[str, Any]:
        row = {"auteur/a_type": "natural", "auteur/a_sexe": "M", "auteur/a_stade": stage, "auteur/a_date_stade": day}
        return traite(code, auteur=[{k: v for k, v in row.items() if v}])

    rows = [
        received(with_stage("AAAA2345", "arrested", None), key="a"),
        received(with_stage("BBBB2345", "arrested", "2026-04-09"), key="b"),
        received(with_stage("CCCC2345", "convicted", None), key="c"),
    ]
    same = {f"{k}#{k.upper() * 4}2345-A1": "p" for k in "abc"}
    out = derive(rows, persons=same, events={"a": "e", "b": "e", "c": "e"})
    assert [(r["submission_key"], r["act_date"]) for r in out.perpetrators if r["is_reference"]] == [
        ("a", "2026-04-03"), ("c", None),
    ]  # fmt: skip


def test_perpetrators_follow_the_series_of_the_report_that_stands() -> None:
    row = [{"auteur/a_type": "natural", "auteur/a_sexe": "M", "auteur/a_stade": "suspected"}]
    police = received(traite("AAAA2345", exploitation="none"), key="a")
    ngo = received(traite("BBBB2345", **{"declaration/entite": "ONG"}, auteur=row), key="b")
    out = derive([police, ngo], events={"a": "e", "b": "e"}, persons={"b#BBBB2345-A1": "p"})
    assert [r["classification"] for r in out.events] == ["aucun", "traite_presumee"]
    assert [r["classification_event"] for r in out.perpetrators] == ["aucun"]


def test_an_entity_out_of_the_register_is_not_repeated() -> None:
    out = derive([received(traite(**{"declaration/entite": "Zinariya"}))])
    told = str([out.events, out.victims, out.quality])
    assert "Zinariya" not in told and out.events[0]["entity"] == "HORS_LISTE"


def test_late_means_after_the_deadline_of_the_quarter_of_the_facts() -> None:
    assert not counting.is_late("2026-03-31", date(2026, 4, 30), 30)
    assert counting.is_late("2026-03-31", date(2026, 5, 1), 30)
    assert not counting.is_late(None, date(2030, 1, 1), 30)
