"""The Fellegi-Sunter model: what is compared, in which levels, with the shipped m and u of each.

`data/linkage_model.json` holds what was trained (by `benchmarks/linkage.py --train`, never at run time):
the version, the prior, m and u a level, the thresholds, and how rare each name is. This module holds what the
levels mean. A change of either is a new version.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

# Jaro-Winkler from which two folded names count as one name misspelt; short names must be equal.
_ALIKE = 0.9
_NEAR = 0.75  # from which they may still be
_UNLIKE = 0.80  # below which they are two names
_RARE_PAIR, _COMMON_PAIR, _RARE_NAME = 12.5, 10.0, 6.5  # bits: 1 in 5,800, 1 in 1,000, 1 in 90


def _similar(left: str, right: str, least: float) -> str:
    """SQL: two parts of a name are spelt alike, and are not two names of the table of classes."""
    (one, one_side), (other, other_side) = (part.rsplit("_", 1) for part in (left, right))
    folds = f"{one}_fold_{one_side}", f"{other}_fold_{other_side}"
    return (
        f"(least(length({folds[0]}), length({folds[1]})) >= 3"
        f" AND NOT ({one}_listed_{one_side} AND {other}_listed_{other_side})"
        f" AND jaro_winkler_similarity({folds[0]}, {folds[1]}) >= {least})"
    )


def _alike(left: str, right: str) -> str:
    """SQL: two parts of a name are one key, or one spelling with a slip."""
    return f"({left} = {right} OR {_similar(left, right, _ALIKE)})"


def _differ(part: str) -> str:
    """SQL: both names are in the table of classes (and not one key, which comes first), or are spelt quite apart."""
    return (
        f"(({part}_listed_l AND {part}_listed_r) OR jaro_winkler_similarity({part}_fold_l, {part}_fold_r) < {_UNLIKE})"
    )


_RARITY = "least(name_bits_l, name_bits_r)"  # of the shorter name, which the longer one contains
_PAIR = (
    "len(list_intersect(tokens_l, tokens_r)) >= 2"
    # Brothers and sisters share both words of a long family name: the given names must be among what is shared.
    " AND list_contains(tokens_r, given_l) AND list_contains(tokens_l, given_r)"
)
_PAIR_ALIKE = (
    f"(({_alike('given_l', 'given_r')} AND {_alike('family_l', 'family_r')}) OR"
    f" ({_alike('given_l', 'family_r')} AND {_alike('family_l', 'given_r')}))"
)
_INITIAL = (
    "((len(tokens_l) = 1 AND len(list_intersect(initials_l, letters_r)) > 0) OR"
    " (len(tokens_r) = 1 AND len(list_intersect(initials_r, letters_l)) > 0))"
)
_ONE_WORD = "((len(tokens_l) = 1 AND len(initials_l) = 0) OR (len(tokens_r) = 1 AND len(initials_r) = 0))"
# The one word that is known, held against the given name of the other, or against its family name.
_IS_GIVEN = (
    f"((len(tokens_l) = 1 AND {_alike('word_l', 'given_r')}) OR (len(tokens_r) = 1 AND {_alike('word_r', 'given_l')}))"
)
_IS_FAMILY = (
    f"((len(tokens_l) = 1 AND {_alike('word_l', 'family_r')}) OR"
    f" (len(tokens_r) = 1 AND {_alike('word_r', 'family_l')}))"
)
_WORD_NEAR = f"({_similar('word_l', 'given_r', _NEAR)} OR {_similar('word_r', 'given_l', _NEAR)})"
_YEARS = "abs(birth_year_l - birth_year_r)"
_DAYS = "abs(day_l - day_r)"
_UNPLACED = "(region_l IS NULL OR region_r IS NULL)"

# Comparison -> columns whose absence makes it say nothing -> levels, the best agreement first.
COMPARISONS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "name": (
        "len(tokens_l) = 0 OR len(tokens_r) = 0",
        (
            ("pair_rare", f"{_PAIR} AND {_RARITY} >= {_RARE_PAIR}"),
            ("pair", f"{_PAIR} AND {_RARITY} >= {_COMMON_PAIR}"),
            ("pair_common", f"pair_l = pair_r OR ({_PAIR})"),
            ("pair_alike", _PAIR_ALIKE),
            ("initial", f"len(list_intersect(tokens_l, tokens_r)) = 1 AND {_INITIAL}"),
            ("part_given_rare", f"{_ONE_WORD} AND {_IS_GIVEN} AND {_RARITY} >= {_RARE_NAME}"),
            ("part_given", f"{_ONE_WORD} AND {_IS_GIVEN}"),
            ("part_family", f"{_ONE_WORD} AND {_IS_FAMILY}"),
            ("given_other", f"{_alike('given_l', 'given_r')} AND {_differ('family')}"),  # homonyms, or a guardian
            ("given_rare", f"{_alike('given_l', 'given_r')} AND given_bits_l >= {_RARE_NAME}"),
            ("given", _alike("given_l", "given_r")),
            (
                "near",
                f"({_alike('family_l', 'family_r')} AND {_similar('given_l', 'given_r', _NEAR)}) OR"
                f" ({_ONE_WORD} AND {_WORD_NEAR})",
            ),
            ("crossed", f"{_alike('given_l', 'family_r')} OR {_alike('family_l', 'given_r')}"),
            # Brothers and sisters: the given names decide inside a family.
            ("family", f"{_alike('family_l', 'family_r')} AND {_differ('given')}"),
            ("family_unclear", _alike("family_l", "family_r")),
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
    # Date and place are one question: was it one encounter? Apart, they would count twice against a person who is
    # met again months later elsewhere, and twice for two children of one truck.
    "encounter": (
        "day_l IS NULL AND region_l IS NULL OR day_r IS NULL AND region_r IS NULL",
        (
            ("day_commune", f"{_DAYS} <= 1 AND commune_l = commune_r"),
            ("day_department", f"{_DAYS} <= 1 AND department_l = department_r"),
            ("day_region", f"{_DAYS} <= 1 AND region_l = region_r"),
            ("day_unplaced", f"{_DAYS} <= 1 AND {_UNPLACED}"),
            ("week_commune", f"{_DAYS} <= 7 AND commune_l = commune_r"),
            ("week_department", f"{_DAYS} <= 7 AND department_l = department_r"),
            ("week_region", f"{_DAYS} <= 7 AND region_l = region_r"),
            ("week_unplaced", f"{_DAYS} <= 7 AND {_UNPLACED}"),
            ("week_elsewhere", f"{_DAYS} <= 7"),
            ("month_department", f"{_DAYS} <= 31 AND department_l = department_r"),
            ("month_region", f"{_DAYS} <= 31 AND region_l = region_r"),
            ("month_other", f"{_DAYS} <= 31"),
            ("later_department", "department_l = department_r AND day_l IS NOT NULL AND day_r IS NOT NULL"),
            ("later_region", "region_l = region_r AND day_l IS NOT NULL AND day_r IS NOT NULL"),
            ("later_other", "day_l IS NOT NULL AND day_r IS NOT NULL"),
            ("undated_commune", "commune_l = commune_r"),
            ("undated_department", "department_l = department_r"),
            ("undated_region", "region_l = region_r"),
            ("undated_other", "ELSE"),  # a person seen twice may be seen elsewhere: never a veto
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

_NEAR_DAY = "coalesce(abs(l.day - r.day), 0)"
_NEAR_YEAR = "coalesce(abs(l.birth_year - r.birth_year), 0)"
_SEX = "coalesce(l.sex = r.sex, true)"
BLOCKING: tuple[str, ...] = (
    "l.pair = r.pair",
    *(
        f"l.{left} = r.{right} AND {_NEAR_DAY} <= 62 AND {_NEAR_YEAR} <= 5 AND {_SEX}"
        for left, right in (("given", "given"), ("family", "family"), ("given", "family"), ("family", "given"))
    ),
    f"l.given = r.given AND l.region = r.region AND {_NEAR_YEAR} <= 2 AND {_SEX}",
    f"l.given = r.given AND l.nationality = r.nationality AND {_NEAR_YEAR} <= 1 AND {_SEX}",
    f"l.department = r.department AND abs(l.day - r.day) <= 3 AND {_NEAR_YEAR} <= 3 AND {_SEX}",
    *(
        f"substr(l.{part}, 1, 2) = substr(r.{part}, 1, 2) AND abs(l.day - r.day) <= 15 AND {_NEAR_YEAR} <= 5 AND {_SEX}"
        for part in ("given", "family")
    ),
    f"l.birth_date = r.birth_date AND {_SEX}",
    f"substr(l.given, 1, 3) = substr(r.given, 1, 3) AND substr(l.family, 1, 3) = substr(r.family, 1, 3) AND {_SEX}",
)


@lru_cache(maxsize=1)
def shipped() -> dict[str, Any]:
    """The model as shipped. Weights are in bits, prior included.

    version, prior (of two random records of a file of `prior_records`), levels {comparison: {level: [m, u]}},
    name_bits {name key: -log2 of its share} and unknown_name_bits; least_weight of a pair that is kept,
    start_weight of an edge of a component, stop_weight: least mean of two groups that are joined, ask_weight: of two
    that are put to a person instead, largest_component.
    """
    loaded: dict[str, Any] = json.loads(files("transforms").joinpath("data/linkage_model.json").read_text("utf-8"))
    return loaded


def prior_for(records: int) -> float:
    """The prior of a file of so many records: the chance that two of them are one person falls as it grows."""
    model = shipped()
    odds = model["prior"] / (1 - model["prior"]) * model["prior_records"] / max(records, 1)
    return float(odds / (1 + odds))


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
