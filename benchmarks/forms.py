"""What the external choice lists save a cheap phone: size of each XForm and its load time, with and without them.

python benchmarks/forms.py                each form as it is, next to the same form with its lists inside it
python benchmarks/forms.py --loads 51     more loads for a steadier median

Places and providers travel beside the form (`places.csv`, `providers.csv`). The form they are measured against has
the same choices in both languages inside it, with the same `choice_filter`. Loading is what JavaRosa, the engine of
Collect, does between the tap on a form and its first screen, in a warm JVM; the forms take turns. Only the
ratios carry over to a phone.

Then, how many invented persons share their key with another: by the letters of the name alone, and by the whole key
(letters, sex, birth year). The whole key nearly always means one person: it is personal data. And the length of the
case forms, as `python -m tests.forms_length` prints it.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from pyxform.xls2xform import convert

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.linkage_population import SEED, population
from kobo_sync import forms
from kobo_sync.config import load_config
from kobo_sync.form_languages import ENGLISH, FRENCH
from tests import forms_length
from tests.engines import javarosa
from transforms.linkage.prepare import birth
from transforms.linkage_key import linkage_key

ROOT = Path(__file__).resolve().parents[1]
FROM_FILE = "select_one_from_file "
WARM_UP = 10


def sheets(form: str) -> dict[str, list[dict[str, str]]]:
    """The form's sheets as they are built, without the column that only the paper form reads."""
    filled, _ = forms.expand(form)
    return {
        name: [{k: v for k, v in row.items() if v and k != "part"} for row in rows] for name, rows in filled.items()
    }


def inline(form: str, media: dict[str, bytes]) -> dict[str, list[dict[str, str]]]:
    """The same form with the lists of its files inside it."""
    filled = sheets(form)
    files = {row["type"].removeprefix(FROM_FILE) for row in filled["survey"] if row["type"].startswith(FROM_FILE)}
    for file in sorted(files):
        for row in csv.DictReader(media[file].decode().splitlines()):
            label = row.pop("label")
            labels = {f"label::{FRENCH}": label, f"label::{ENGLISH}": label}
            filled["choices"].append({"list_name": Path(file).stem, **labels, **row})
    for row in filled["survey"]:
        if row["type"].startswith(FROM_FILE):
            row["type"] = f"select_one {Path(row['type'].removeprefix(FROM_FILE)).stem}"
    return filled


def write(form: dict[str, list[dict[str, str]]], media: dict[str, bytes], folder: Path) -> Path:
    """The form's XForm in a folder of its own, with its attachments."""
    folder.mkdir(parents=True)
    for name, content in media.items():
        (folder / name).write_bytes(content)
    path = folder / "form.xml"
    # Without the header, pyxform guesses the columns from the first hundred rows.
    form |= {f"{name}_header": [{column: "" for row in rows for column in row}] for name, rows in form.items()}
    path.write_text(convert(form, validate=False, form_name="data").xform, encoding="utf-8")
    return path


def seconds(path: Path) -> float:
    """One load, in processor time: what else the machine does must not count."""
    start = time.thread_time()
    javarosa.Form(path)
    return time.thread_time() - start


def shared_keys(size: int) -> tuple[int, float, float]:
    """Persons with a key in an invented population, and the shares who have a namesake by letters, by whole key."""
    persons = population(size, SEED).drop_duplicates("person").to_dict("records")
    named = [(" ".join(str(r[k] or "") for k in ("given_name", "family_name")), r["sex"], birth(r)[1]) for r in persons]
    keys = [key for who in named if (key := linkage_key(*who))]
    whole, letters = Counter(keys), Counter(key.split("-")[0] for key in keys)
    return len(keys), *(sum(n for n in found.values() if n > 1) / len(keys) for found in (letters, whole))


def main() -> None:
    """Print one line a form."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--loads", type=int, default=25)
    loads = arguments.parse_args().loads
    media = forms.media(load_config(ROOT / "config.yaml").providers)
    print(f"loads: median of {loads}, all forms in turns, after {WARM_UP} to warm up\n")
    print(f"{'form':<12}{'XForm kB':>9}{'inline kB':>11}{'ratio':>7}{'load ms':>10}{'inline ms':>11}{'ratio':>7}")
    with TemporaryDirectory() as scratch:
        pairs = {
            form: (
                write(sheets(form), media, Path(scratch) / form / "own"),
                write(inline(form, media), media, Path(scratch) / form / "inline"),
            )
            for form in forms.FORMS
        }
        rounds = [{form: tuple(map(seconds, pair)) for form, pair in pairs.items()} for _ in range(WARM_UP + loads)]
        for form, (own, inside) in pairs.items():
            took = [each[form] for each in rounds[WARM_UP:]]
            first, second = (1000 * statistics.median(column) for column in zip(*took, strict=True))
            sizes = own.stat().st_size / 1000, inside.stat().st_size / 1000
            print(
                f"{form:<12}{sizes[0]:>9.0f}{sizes[1]:>11.0f}{sizes[1] / sizes[0]:>7.2f}"
                f"{first:>10.1f}{second:>11.1f}{second / first:>7.2f}"
            )
    print(f"\n{'persons':<12}{'same letters':>14}{'same whole key':>16}")
    for size in (2_000, 20_000):
        persons, letters, whole = shared_keys(size)
        print(f"{persons:<12}{letters:>14.0%}{whole:>16.1%}")
    print(f"\n{forms_length.table()}")


if __name__ == "__main__":
    main()
