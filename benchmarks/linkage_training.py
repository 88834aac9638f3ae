"""The population that the shipped linkage model was trained on, and the training itself.

Made for training only. Its names are the families of `transforms/data/name_classes.csv` and the surnames below, its
errors are the ones it states; `benchmarks/linkage.py` judges on a population with other names and other errors.
"""

from __future__ import annotations

import csv
import json
import math
import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from transforms.linkage.model import COMPARISONS
from transforms.linkage.names import name_keys
from transforms.linkage.prepare import prepare
from transforms.linkage.score import score_pairs
from transforms.linkage.vetoes import vetoed

Array = npt.NDArray[np.float64]
DATA = Path(__file__).resolve().parents[1] / "transforms" / "data"
SEED, SIZE = 61_007, 20_000
VERSION = "1"
PRIOR_RECORDS = 2_500  # the archive of the first years; past that, `model.prior_for`
RIDGE = 5.0
UNKNOWN_NAME_BITS = 6.0  # a name the table does not know: 1 in 64, so never counted as rare on its own
WOMEN = [
    "mariam", "aixa", "fatima", "zenabu", "amina", "xadija", "hawa", "halima", "ramatu", "salamatu", "hasana",
    "husena", "habiba", "saadatu", "rabi", "balkisa", "zulaha", "safia", "nafisa", "rukaia", "maimuna",
    "jamila", "xamsia", "sekina", "bintu", "zara", "sadia",
]  # fmt: skip
MEN = [
    "mahamadu", "musa", "ibrahim", "abdulae", "abubakar", "umar", "ali", "isufu", "mahaman", "ahmad", "isaka",
    "issa", "usman", "harun", "suleman", "husen", "hasan", "salifu", "said", "sani", "sanusi", "tahir",
    "mustafa", "kasum", "karim", "kader", "raxid", "raman", "hamidu", "hamisu", "yakuba", "dauda", "rabiu",
    "lawali", "mahamudu", "nasiru", "nuhu", "idrisa", "ilias", "ismael", "jibril", "jibo", "jamilu", "xaibu",
    "xafi", "xeku", "tidiani", "xamsu", "bilal", "belo", "xehu", "tanimun", "hama", "hamani", "adamu",
    "mansur", "murtala", "nuridin",
]  # fmt: skip
CLANS = [
    "Diallo", "Barry", "Bah", "Traoré", "Coulibaly", "Keïta", "Touré", "Camara", "Koné", "Cissé", "Sissoko",
    "Ouattara", "Ouédraogo", "Sawadogo", "Ndiaye", "Maïga", "Adeyemi", "Okafor", "Eze", "Mensah", "Kouassi",
    "Koffi", "Yao", "Agbo", "Dossou", "Hounkpatin", "Kabore", "Zongo", "Sanogo", "Dembélé",
]  # fmt: skip
# Bits that are said, not fitted. Sexes that differ are vetoed, so training never sees them. Inside a family the given
# name decides: twins agree on all the rest, and a sum of weights cannot know that it is the same fact told five times.
_SAID = {("sex", "differs"): -6.0, ("name", "family"): -16.0}
NATIONS = ("NER", "NGA", "MLI", "BFA", "BEN", "TGO", "SEN", "GIN", "CIV", "GHA", "CMR", "TCD")
FORMS = ("begging", "sexual", "forced_labour", "domestic", "forced_marriage", "criminality")


def _variants() -> dict[str, list[str]]:
    with (DATA / "name_classes.csv").open(encoding="utf-8", newline="") as lines:
        return {row["class"]: row["variants"].split() for row in csv.DictReader(lines)}


def _zipf(dice: random.Random, pool: list[str]) -> str:
    return dice.choices(pool, weights=[1 / (rank + 3) for rank in range(len(pool))])[0]


class _Maker:
    """One population; every choice comes from one seeded generator."""

    def __init__(self, size: int, seed: int) -> None:
        self.dice = random.Random(seed)
        self.size = size
        self.variants = _variants()
        self.rows: list[dict[str, Any]] = []

    def spell(self, name: str) -> str:
        """A listed variant; one in six gets a slip besides, which stands for the spellings that no list has."""
        pool = self.variants.get(name, [name])
        spelling = pool[0] if self.dice.random() < 0.5 else self.dice.choice(pool)
        if self.dice.random() < 0.16 and len(spelling) > 3:
            at = self.dice.randrange(1, len(spelling) - 1)
            head, letter, tail = spelling[:at], spelling[at], spelling[at + 1 :]
            spelling = self.dice.choice(
                [head + tail,
                 head + letter + self.dice.choice("aeioumnrst") + tail, head + tail[:1] + letter + tail[1:],
                 head + self.dice.choice("aeiou") + tail]
            )  # fmt: skip
        return spelling.capitalize()

    def place(self) -> tuple[str, str, str]:
        region = self.dice.choices([f"NE00{n}" for n in range(1, 9)], weights=[5, 1, 1, 2, 3, 2, 3, 4])[0]
        department = f"{region}00{self.dice.randint(1, 5)}"
        return region, department, f"{department}00{self.dice.randint(1, 4)}"

    def family(self) -> list[dict[str, Any]]:
        nation = self.dice.choices(NATIONS, weights=[9, 4, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1])[0]
        surname = _zipf(self.dice, MEN) if nation in ("NER", "NGA", "TCD") else self.dice.choice(CLANS)
        children = self.dice.choices([1, 2, 3, 4], weights=[74, 15, 8, 3])[0]
        born = 2025 - min(60, max(2, round(self.dice.gauss(17, 8))))
        gap = self.dice.choice([0, 1, 2, 2, 3])  # twins, cousins told as brothers, brothers and sisters
        return [
            {
                "sex": sex,
                "given": _zipf(self.dice, WOMEN if sex == "F" else MEN),
                "family": surname,
                "born": date(born + gap * n, self.dice.randint(1, 12), self.dice.randint(1, 28)),
                "nation": nation,
            }
            for n in range(children)
            for sex in [self.dice.choice("FFM")]
        ]

    def tell(self, person: dict[str, Any], number: str, submission: str, entity: str, event: dict[str, Any]) -> None:
        dice = self.dice
        given, family = self.spell(person["given"]), self.spell(person["family"])
        if dice.random() < 0.08:
            given, family = family, given
        shape = dice.random()
        if shape < 0.09:
            family = ""
        elif shape < 0.13:
            given = ""
        elif shape < 0.16:
            given = given[0] + "."
        elif shape < 0.175:
            family = self.spell(_zipf(dice, MEN))  # a guardian's
        seen = event["day"] + timedelta(days=dice.choices([0, 1, 3, 20], weights=[60, 22, 12, 6])[0])
        age = (
            seen.year
            - person["born"].year
            + dice.choices([0, 1, -1, 2, -2, 4, -4, 7], weights=[50, 14, 14, 7, 7, 4, 4, 1])[0]
        )
        precision = dice.random()
        born = person["born"] if precision < 0.2 else date(seen.year - age, 1, 1) if precision < 0.35 else None
        region, department, commune = event["place"] if dice.random() < 0.96 else self.place()
        nation = dice.choices([person["nation"], "NER", None], weights=[93, 1.5, 5.5])[0]
        finest = dice.choices([3, 2, 1, 0], weights=[45, 25, 20, 10])[0]
        self.rows.append(
            {
                "record_id": f"{submission}-{len(self.rows):06d}",
                "person": number,
                "submission_key": submission,
                "entity": entity,
                "given_name": given,
                "family_name": family,
                "sex": person["sex"] if dice.random() < 0.97 else "U",
                "birth_date": born.isoformat() if born else None,
                "age": None if born or precision > 0.95 else max(age, 0),
                "age_date": seen.isoformat(),
                "nationality": nation,
                "region": region if finest else None,
                "department": department if finest > 1 else None,
                "commune": commune if finest > 2 else None,
                "identification_date": seen.isoformat() if dice.random() < 0.94 else None,
                "exploitation_main": event["form"] if dice.random() < 0.82 else dice.choice(FORMS),
            }
        )

    def make(self) -> pd.DataFrame:
        dice, entities = self.dice, [f"E{n:02d}" for n in range(20)]
        families, persons = 0, 0
        while len(self.rows) < self.size:
            event = {
                "day": date(2024, 1, 1) + timedelta(days=dice.randrange(700)),
                "place": self.place(),
                "form": dice.choice(FORMS),
            }
            victims = [p for _ in range(dice.choices([1, 2, 5], weights=[6, 3, 1])[0]) for p in self.family()]
            told_by = dice.sample(entities, dice.choices([1, 2, 3, 4], weights=[35, 38, 18, 9])[0])
            families += 1
            for person in victims:
                persons += 1
                tellers = [e for e in told_by if dice.random() < 0.85] or told_by[:1]
                for entity in tellers:
                    self.tell(person, f"P{persons}", f"S{families}-{entity}", entity, event)
                if dice.random() < 0.10:  # identified again, months later, mostly elsewhere
                    later = {
                        "day": event["day"] + timedelta(days=dice.randint(30, 400)),
                        "place": self.place() if dice.random() < 0.7 else event["place"],
                        "form": event["form"] if dice.random() < 0.6 else dice.choice(FORMS),
                    }
                    entity = dice.choice(entities)
                    self.tell(person, f"P{persons}", f"S{families}-{persons}-{entity}", entity, later)
        return pd.DataFrame(self.rows)


def name_bits(records: pd.DataFrame) -> dict[str, float]:
    """−log2 of the share of records that hold a name key, for keys seen at least three times."""
    seen: Counter[str] = Counter()
    for given, family in zip(records["given_name"], records["family_name"], strict=True):
        seen.update(name_keys(given, family).tokens)
    return {k: round(-math.log2(n / len(records)), 2) for k, n in sorted(seen.items()) if n >= 3}


def _ridge(x: Array, y: Array, centre: Array, strength: float) -> Array:
    """Logistic regression by Newton steps, drawn towards `centre`; the last coefficient, the intercept, is free."""
    pull = np.full(x.shape[1], strength)
    pull[-1] = 1e-6
    beta = centre.copy()
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.diag(pull)
        step = np.linalg.solve(curvature, x.T @ (p - y) + pull * (beta - centre))
        beta -= step
        if np.abs(step).max() < 1e-6:
            break
    return beta


def train(size: int = SIZE, seed: int = SEED) -> dict[str, Any]:
    """The model as `linkage_model.json` holds it, from the candidate pairs of a population whose truth is known.

    m and u are first counted among candidates that are one person and two. Independence does not hold there (two
    children of one truck agree on place, date, form and family name at once), so the weights are then fitted
    together by a logistic regression drawn towards the counted ones; m stays as counted, u becomes what the fitted
    weight makes of it.
    """
    records = _Maker(size, seed).make()
    bits = name_bits(records)
    rows = prepare(records, bits, UNKNOWN_NAME_BITS)
    flat = {c: {code: [0.5, 0.5] for code, _ in levels} for c, (_, levels) in COMPARISONS.items()}
    scored = score_pairs(rows, flat, 0.5, None, memory="4GB")
    kept = np.array([not vetoed(rows[i], rows[j]) for i, j in zip(scored.left, scored.right, strict=True)])
    person = dict(zip(records["record_id"], records["person"], strict=True))
    who = np.array([person[row["record_id"]] for row in rows])
    y = (who[scored.left] == who[scored.right])[kept].astype(float)
    names = [(c, n, code) for c, (_, levels) in COMPARISONS.items() for n, (code, _) in enumerate(levels)]
    x = np.column_stack([scored.levels[c][kept] == n for c, n, _ in names]).astype(float)

    m, u = x[y == 1].sum(axis=0) + 0.5, x[y == 0].sum(axis=0) + 0.5
    for comparison in COMPARISONS:
        at = [k for k, name in enumerate(names) if name[0] == comparison]
        m[at] /= m[at].sum()
        u[at] /= u[at].sum()
    centre = np.append(np.log(m / u), math.log(y.mean() / (1 - y.mean())))
    beta = _ridge(np.column_stack([x, np.ones(len(y))]), y, centre, RIDGE)

    levels: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for (comparison, _, code), counted, weight in zip(names, m, beta[:-1], strict=True):
        weight = _SAID.get((comparison, code), weight / math.log(2))
        levels[comparison][code] = [float(f"{counted:.6g}"), float(f"{counted / 2**weight:.6g}")]
    odds = math.exp(beta[-1]) * len(records) / PRIOR_RECORDS
    return {
        "version": VERSION,
        "trained_on": f"synthetic training population, {len(records)} records, seed {seed}, {len(y)} candidate pairs",
        "prior": float(f"{odds / (1 + odds):.6g}"),
        "prior_records": PRIOR_RECORDS,
        "least_weight": -10.0,
        "start_weight": -1.2,  # p = 0.3
        "stop_weight": 0.0,
        "ask_weight": -3.0,
        "largest_component": 200,
        "unknown_name_bits": UNKNOWN_NAME_BITS,
        "levels": levels,
        "name_bits": bits,
    }


def write(model: dict[str, Any]) -> Path:
    """Write the model where it is shipped from, one name a line so that a diff can be read."""
    path = DATA / "linkage_model.json"
    path.write_text(json.dumps(model, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
