"""The Fellegi-Sunter model: what is compared, in which levels, with the shipped m and u of each.

`data/linkage_model.json` holds what was trained (by `benchmarks/linkage.py --train`, never at run time):
the version, the prior, m and u a level, and how rare each name is. This module holds what the levels mean.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

# Jaro-Winkler from which two folded names count as one name misspelt; short names must be equal.
_ALIKE = 0.9
_RARE_PAIR, _COMMON_PAIR, _RARE_NAME = 13.0, 9.5, 6.5  # bits: 1 in 8,000, 1 in 720, 1 in 90


def _alike(left: str, right: str) -> str:
    return (
        f"({left} = {right} OR (least(length({left}), length({right})) >= 4"
        f" AND jaro_winkler_similarity({left}, {right}) >= {_ALIKE}))"
    )


_SHARED = "len(list_intersect(tokens_l, tokens_r))"
_RARITY = "least(name_bits_l, name_bits_r)"  # of the shorter name, which the longer one contains
_SHORT = "least(len(tokens_l), len(tokens_r)) = 1"
_INITIAL = (
    "((len(tokens_l) = 1 AND len(list_intersect(initials_l, letters_r)) > 0) OR"
    " (len(tokens_r) = 1 AND len(list_intersect(initials_r, letters_l)) > 0))"
)
_NO_INITIAL = (
    "((len(tokens_l) = 1 AND len(initials_l) = 0) OR (len(tokens_r) = 1 AND len(initials_r) = 0))"
)
_PAIR_ALIKE = (
    f"(({_alike('given_l', 'given_r')} AND {_alike('family_l', 'family_r')}) OR"
    f" ({_alike('given_l', 'family_r')} AND {_alike('family_l', 'given_r')}))"
)
_ONE_ALIKE = (
    f"({_alike('given_l', 'given_r')} OR {_alike('family_l', 'family_r')} OR"
    f" {_alike('given_l', 'family_r')} OR {_alike('family_l', 'given_r')})"
)
_YEARS = "abs(birth_year_l - birth_year_r)"
_DAYS = "abs(day_l - day_r)"

# Comparison -> columns whose absence makes it say nothing -> levels, the best agreement first.
COMPARISONS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "name": (
        "len(tokens_l) = 0 OR len(tokens_r) = 0",
        (
            ("pair_rare", f"{_SHARED} >= 2 AND {_RARITY} >= {_RARE_PAIR}"),
            ("pair", f"{_SHARED} >= 2 AND {_RARITY} >= {_COMMON_PAIR}"),
            ("pair_common", f"{_SHARED} >= 2"),
            ("pair_alike", _PAIR_ALIKE),
            ("initial", f"{_SHARED} = 1 AND {_INITIAL}"),
            ("part_rare", f"{_SHARED} = 1 AND {_SHORT} AND {_NO_INITIAL} AND {_RARITY} >= {_RARE_NAME}"),
            ("part", f"{_SHARED} = 1 AND {_SHORT} AND {_NO_INITIAL}"),
            ("part_alike", f"{_SHORT} AND {_NO_INITIAL} AND {_ONE_ALIKE}"),
            ("given_rare", f"given_l = given_r AND given_bits_l >= {_RARE_NAME}"),
            ("given", "given_l = given_r"),
            ("crossed", "given_l = family_r OR family_l = given_r"),
            ("family", _alike("family_l", "family_r")),  # brothers and sisters: it must count against
            ("none", "ELSE"),
        ),
    ),
    "birth": (
        "birth_year_l IS NULL OR birth_year_r IS NULL",
        (
            ("date", "birth_date_l = birth_date_r"),
            ("year", f"{_YEARS} = 0"),
            ("year_1", f"{_YEARS} = 1"),
            ("year_2", f"{_YEARS} = 2"),
            ("year_3", f"{_YEARS} = 3"),
            ("year_5", f"{_YEARS} <= 5"),
            ("apart", "ELSE"),
        ),
    ),
    "sex": ("sex_l IS NULL OR sex_r IS NULL", (("same", "sex_l = sex_r"), ("differs", "ELSE"))),
    "place": (
        "region_l IS NULL OR region_r IS NULL",
        (
            ("commune", "commune_l = commune_r"),
            ("department", "department_l = department_r"),
            ("region", "region_l = region_r"),
            ("elsewhere", "ELSE"),  # a person seen twice may be seen elsewhere: never a veto
        ),
    ),
    "date": (
        "day_l IS NULL OR day_r IS NULL",
        (
            ("day", f"{_DAYS} <= 1"),
            ("week", f"{_DAYS} <= 7"),
            ("month", f"{_DAYS} <= 31"),
            ("half_year", f"{_DAYS} <= 183"),
            ("later", "ELSE"),
        ),
    ),
    "nationality": (
        "nationality_l IS NULL OR nationality_r IS NULL",
        (
            ("foreign", "nationality_l = nationality_r AND nationality_l <> 'NER'"),
            ("nigerien", "nationality_l = nationality_r"),
            ("differs", "ELSE"),
        ),
    ),
    "exploitation": (
        "exploitation_l IS NULL OR exploitation_r IS NULL",
        (("same", "exploitation_l = exploitation_r"), ("differs", "ELSE")),
    ),
    "provider": (
        "entity_l IS NULL OR entity_r IS NULL",
        (("another", "entity_l <> entity_r"), ("same", "ELSE")),  # one provider seldom tells a person twice
    ),
}

BLOCKING: tuple[str, ...] = (
    "l.pair = r.pair",
    *(
        f"l.{left} = r.{right} AND {window}"
        for left, right in (("given", "given"), ("family", "family"), ("given", "family"), ("family", "given"))
        for window in ("abs(l.day - r.day) <= 62", "l.region = r.region AND abs(l.birth_year - r.birth_year) <= 2")
    ),
    "l.given = r.given AND l.birth_year = r.birth_year AND l.nationality = r.nationality",
    "l.day = r.day AND l.department = r.department AND l.sex = r.sex",
    "l.birth_date = r.birth_date AND l.sex = r.sex",
    "substr(l.given, 1, 3) = substr(r.given, 1, 3) AND substr(l.family, 1, 3) = substr(r.family, 1, 3)",
)


@lru_cache(maxsize=1)
def shipped() -> dict[str, Any]:
    """The trained model as shipped: version, prior, thresholds, levels {comparison: {level: [m, u]}}, names."""
    loaded: dict[str, Any] = json.loads(files("transforms").joinpath("data/linkage_model.json").read_text("utf-8"))
    return loaded


def splink_settings(levels: dict[str, dict[str, list[float]]], prior: float) -> dict[str, Any]:
    """Splink 5 settings for DuckDB, every m and u fixed."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_id",
        "probability_two_random_records_match": prior,
        "comparisons": [
            _comparison(name, missing, meanings, levels[name]) for name, (missing, meanings) in COMPARISONS.items()
        ],
        "blocking_rules_to_generate_predictions": [{"blocking_rule": rule} for rule in BLOCKING],
        "retain_matching_columns": True,  # Splink gives the levels (gamma) only then
        "retain_intermediate_calculation_columns": False,
    }


def _comparison(
    name: str, missing: str, meanings: tuple[tuple[str, str], ...], trained: dict[str, list[float]]
) -> dict[str, Any]:
    return {
        "output_column_name": name,
        "comparison_levels": [
            {"sql_condition": missing, "label_for_charts": "missing", "is_null_level": True},
            *(
                {
                    "sql_condition": sql,
                    "label_for_charts": code,
                    "m_probability": trained[code][0],
                    "u_probability": trained[code][1],
                }
                for code, sql in meanings
            ),
        ],
    }
