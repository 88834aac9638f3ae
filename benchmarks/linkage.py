"""How well the shipped linkage model links, on a synthetic population whose truth is known.

python benchmarks/linkage.py              2,000 records
python benchmarks/linkage.py --large      20,000 as well
python benchmarks/linkage.py --seed 5     another population of the same kind
python benchmarks/linkage.py --train      train the model again and write transforms/data/linkage_model.json

The judging population (`linkage_population.py`) and the training one (`linkage_training.py`) differ in names, errors
and seed; one author wrote both, so what is printed is optimistic. Not measured: real data.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import linkage_training
from benchmarks.linkage_population import SEED, population
from transforms.linkage.model import prior_for, shipped
from transforms.linkage.names import name_keys
from transforms.linkage.persons import link_persons
from transforms.linkage.prepare import birth


def quality(truth: Mapping[str, str], found: Mapping[str, str]) -> dict[str, float]:
    """Pairwise precision, recall and F1 of clusters (record -> cluster), and the share of persons exactly right."""
    persons, clusters = Counter(truth.values()), Counter(found[r] for r in truth)
    cells = Counter((person, found[record]) for record, person in truth.items())

    def pairs(counts: Counter) -> int:
        return sum(n * (n - 1) // 2 for n in counts.values())

    agreed, told, real = pairs(cells), pairs(clusters), pairs(persons)
    precision, recall = agreed / max(told, 1), agreed / max(real, 1)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(precision + recall, 1e-9),
        "right": sum(n == persons[p] == clusters[c] for (p, c), n in cells.items()) / len(persons),
    }


def exact(records: pd.DataFrame) -> dict[str, str]:
    """What a careful spreadsheet does: same cleaned names, in any order, same sex, same birth year."""
    first: dict[tuple[object, ...], str] = {}
    found: dict[str, str] = {}
    for row in records.to_dict("records"):
        keys = name_keys(row["given_name"], row["family_name"])
        words = " ".join(sorted(f"{row['given_name']} {row['family_name']}".casefold().split()))
        key = (words, row["sex"], birth(row)[1]) if keys.tokens else (row["record_id"],)
        found[row["record_id"]] = first.setdefault(key, row["record_id"])
    return found


def report(size: int, seed: int) -> None:
    """Print one line a method for a population of `size` records."""
    records = population(size, seed)
    truth = dict(zip(records["record_id"], records["person"], strict=True))
    told = records.drop(columns="person")
    print(f"\n{len(records)} records, {len(set(truth.values()))} persons, seed {seed}, model {shipped()['version']}")
    print(f"{'method':<34}precision  recall      F1  persons right  to ask  seconds  peak MiB")
    for method in ("exact: names + sex + birth year", "linkage, shipped prior", "linkage, prior of the file's size"):
        start, asked = time.perf_counter(), "–"
        if method.startswith("exact"):
            found = exact(told)
        else:
            result = link_persons(told, prior=prior_for(len(told)) if "size" in method else None)
            found, asked = result.clusters, str(int((result.pairs["decision"] == "ask").sum()))
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        q = quality(truth, found)
        print(
            f"{method:<34}{q['precision']:>9.3f}{q['recall']:>8.3f}{q['f1']:>8.3f}{q['right']:>15.3f}"
            f"{asked:>8}{seconds:>9.1f}{peak:>10.0f}"
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="20,000 records as well")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--train", action="store_true")
    options = parser.parse_args()
    if options.train:
        print(linkage_training.write(linkage_training.train()))
        return
    for size in (2_000, 20_000) if options.large else (2_000,):
        report(size, options.seed)


if __name__ == "__main__":
    main()
