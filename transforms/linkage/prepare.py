"""What the model compares, worked out once a record: keys, birth year, day, places. No name as typed."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from transforms.linkage.names import is_listed, name_keys

COLUMNS = (
    "record_id", "submission_key", "entity", "given_name", "family_name", "sex", "birth_date", "age", "age_date",
    "nationality", "region", "department", "commune", "identification_date", "exploitation_main",
)  # fmt: skip
REQUIRED = ("record_id", "submission_key", "entity")
# P-codes nest by prefix (reference/niger_places): NE008 region, NE008001 department, NE008001002 commune.
_REGION, _DEPARTMENT = 5, 8


def text(value: Any) -> str | None:
    """A stripped string, or None for anything that pandas or a form calls missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT or value is pd.NA:
        return None
    return str(value).strip() or None


def day(value: Any) -> date | None:
    """The calendar date of an ISO string; None when it is not one (the mapping has flagged it already)."""
    try:
        return date.fromisoformat((text(value) or "")[:10])
    except ValueError:
        return None


def _age(value: Any) -> float | None:
    try:
        years = float(text(value) or "nan")
    except ValueError:
        return None
    return years if 0 <= years <= 120 else None


def birth(row: Mapping[str, Any]) -> tuple[str | None, int | None]:
    """(documented birth date, birth year). 1 January is a year only; else year of the age's date − age."""
    born = day(row.get("birth_date"))
    if born and 1900 <= born.year <= 2100:
        return (None if (born.month, born.day) == (1, 1) else born.isoformat()), born.year
    years = _age(row.get("age"))
    held = day(row.get("age_date")) or day(row.get("identification_date"))
    return None, (held.year - math.floor(years)) if years is not None and held else None


def prepare(records: pd.DataFrame, bits: Mapping[str, float], unknown_bits: float) -> list[dict[str, Any]]:
    """Rows for the model, in order of record_id, without the records that have neither name.

    records: the columns of COLUMNS; those not REQUIRED may be absent or null. bits: how rare a name key is,
    −log2 of its share, from the model; unknown_bits for a key that the model does not know.
    Raises ValueError if a required column is absent or a record_id is empty or repeated.
    """
    for column in REQUIRED:
        if column not in records.columns:
            raise ValueError(f"linkage: column {column} is missing")
    prepared = [_row(row, bits, unknown_bits) for row in records.to_dict("records")]
    identifiers = [row["record_id"] for row in prepared]
    if None in identifiers or len(set(identifiers)) != len(identifiers):
        raise ValueError("linkage: record_id must be present and unique")
    return sorted((row for row in prepared if row["tokens"]), key=lambda row: str(row["record_id"]))


def _row(row: Mapping[Any, Any], bits: Mapping[str, float], unknown_bits: float) -> dict[str, Any]:
    keys = name_keys(text(row.get("given_name")), text(row.get("family_name")))
    full_date, year = birth(row)
    commune, department, region = (text(row.get(c)) for c in ("commune", "department", "region"))
    department = department or (commune[:_DEPARTMENT] if commune else None)
    region = region or (department[:_REGION] if department else None)
    seen = day(row.get("identification_date"))
    sex, nationality = text(row.get("sex")), text(row.get("nationality"))
    return {
        "record_id": text(row.get("record_id")),
        "submission_key": text(row.get("submission_key")),
        "entity": text(row.get("entity")),
        "given": keys.given or None,
        "family": keys.family or None,
        "given_fold": keys.given_fold or None,
        "family_fold": keys.family_fold or None,
        "given_listed": is_listed(keys.given),
        "family_listed": is_listed(keys.family),
        "word_listed": any(is_listed(t) for t in keys.tokens),
        "word": keys.tokens[0] if len(keys.tokens) == 1 else None,
        "word_fold": (keys.given_fold or keys.family_fold) if len(keys.tokens) == 1 else None,
        "tokens": list(keys.tokens),
        "initials": list(keys.initials),
        "letters": list(keys.letters),
        "pair": " ".join(keys.tokens) if len(keys.tokens) > 1 else None,
        "name_bits": sum(bits.get(t, unknown_bits) for t in keys.tokens),
        "given_bits": bits.get(keys.given, unknown_bits),
        "sex": sex if sex in ("F", "M") else None,
        "birth_date": full_date,
        "birth_year": year,
        "region": region,
        "department": department,
        "commune": commune,
        "day": seen.toordinal() if seen else None,
        "nationality": None if nationality in ("unk", "ref") else nationality,
        "exploitation": text(row.get("exploitation_main")),
    }
