"""Who was expected to report, and who did: the denominator comes from the register, never from the data."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from transforms import places
from transforms.periods import Period
from transforms.register import Provider

COLUMNS = (
    "provider", "provider_label", "region", "region_label", "family", "ent_type", "quarter", "expected", "submissions",
    "events_traite", "events_trafic", "victims", "migrants", "on_time", "late", "state",
)  # fmt: skip


def completeness(events: pd.DataFrame, providers: Iterable[Provider], period: Period) -> pd.DataFrame:
    """One row a provider × quarter of the period (columns COLUMNS), whether it reported or not.

    Every reporting entity keeps its credit: all its submissions count here, also those that the totals leave out
    because another body told the same event. A submission belongs to the quarter of its detection. `state` is
    `reported` (something on time), `late` (only after the deadline) or `silent`. A provider is expected from the
    quarter in which it joined.
    """
    rows = []
    for quarter in period.quarters():
        for provider in providers:
            sent = events[(events["entity"] == provider.code) & (events["quarter"] == quarter.label)]
            late = int(sent["late"].astype(bool).sum())
            on_time = len(sent) - late
            rows.append(
                {
                    "provider": provider.code,
                    "provider_label": provider.label,
                    "region": provider.region,
                    "region_label": places.label(provider.region),
                    "family": provider.family,
                    "ent_type": provider.ent_type,
                    "quarter": quarter.label,
                    "expected": provider.since <= quarter.end.isoformat(),
                    "submissions": len(sent),
                    "events_traite": int((sent["form"] == "traite").sum()),
                    "events_trafic": int((sent["form"] == "trafic").sum()),
                    "victims": int((sent["victims_detailed"] + sent["victims_count_only"]).sum()),
                    "migrants": int(sent["migrants_total"].sum()),
                    "on_time": on_time,
                    "late": late,
                    "state": "reported" if on_time else ("late" if late else "silent"),
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def all_declared(table: pd.DataFrame) -> bool:
    """Whether every expected provider sent something in every quarter: only then may a zero be printed."""
    expected = table[table["expected"].astype(bool)]
    return bool(len(expected)) and not (expected["state"] == "silent").any()
