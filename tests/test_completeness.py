"""Who reported: the denominator comes from the register, a late provider is not silent, each keeps its credit."""

from tests.test_counting import derive
from tests.test_tables import frames_of
from tests.transform_fixture import REGISTER, received, trafic, traite
from transforms.completeness import all_declared, completeness
from transforms.periods import parse_period
from transforms.register import Provider

QUARTER = parse_period("2026-T2")


def states(events, providers=None):  # type: ignore[no-untyped-def]
    expected = REGISTER.values() if providers is None else providers
    table = completeness(frames_of(derive(events))["events"], expected, QUARTER)
    return dict(zip(table["provider"], table["state"], strict=True)), table


def test_on_time_late_and_silent() -> None:
    found, table = states(
        [
            received(traite("AAAA2345"), key="a"),
            received(trafic("BBBB2345", entite="OIM"), "trafic", key="b", received="2026-09-01"),
        ]
    )
    assert found == {"POL": "reported", "OIM": "late", "TGI": "silent", "ONG": "silent"}
    assert not all_declared(table)
    assert all_declared(table[table["provider"].isin(["POL", "OIM"])])
    row = table.set_index("provider").loc["OIM"]
    assert (row["submissions"], row["on_time"], row["late"], row["migrants"]) == (1, 0, 1, 30)


def test_a_report_left_out_of_the_totals_keeps_its_credit() -> None:
    on_hold = received(traite(), review_uid="validation_status_on_hold", review_by="coord", review_instance="u")
    assert states([on_hold])[0]["POL"] == "reported"


def test_a_provider_is_expected_from_the_quarter_it_joined() -> None:
    joined = [Provider(f"P{n}", "", "NE001", "protection", "ngo", day) for n, day in
              enumerate(("2026-06-30", "2026-07-01"))]  # fmt: skip
    _, table = states([], joined)
    assert table["expected"].tolist() == [True, False]


def test_with_nobody_expected_nothing_can_be_zero() -> None:
    assert not all_declared(states([], ())[1])
