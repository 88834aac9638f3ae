"""What a pull costs beside other clients, against a server that costs nothing: rows, seconds, bytes, memory.

python benchmarks/pull.py               100,000 submissions
python benchmarks/pull.py --rows 20000  another size
python benchmarks/pull.py --quick       5,000 submissions, without the 200 ms
python benchmarks/pull.py --write       the same, put into docs/performance.md as well

The server is a process on a core of its own (`pull_server.py`) that sends ready pages; the clients, each a new process
on the other cores, take turns (`pull_rivals.py`). Each is measured at 0 and at 200 ms of round-trip time, with a
server that compresses and one that does not. koboextractor and kobo2pandas are installed by pip in an environment
that is thrown away. Numbers taken on a busy machine are wrong: look at the ratios, run it twice.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pull_server import ASSET

HERE = Path(__file__).resolve().parent
RIVALS = ("koboextractor", "kobo2pandas")
NAMES = {
    "kobo_sync": "kobo-sync", "kobo_sync_nightly": "kobo-sync, la nuit suivante",
    "thrown_away": "pages jetées, 4 connexions", "thrown_away_in_turn": "pages jetées, l’une après l’autre",
    "plain": "boucle requests", "koboextractor": "koboextractor", "kobo2pandas": "kobo2pandas",
}  # fmt: skip
Measured = dict[str, Any]
DOC = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- imprimé par benchmarks/pull.py --write -->", "<!-- fin -->"


class Bench:
    """A server at work and the means to measure clients against it."""

    def __init__(self, url: str, python: Path, cores: set[int] | None, scratch: Path) -> None:
        self.url = url
        self.python = python
        self.cores = cores
        self.scratch = scratch

    def order(self, **order: Any) -> dict[str, int]:
        """Tell the server; its counters since the last time."""
        return requests.post(f"{self.url}/bench", json=order, timeout=300).json()

    def run(self, client: str, folder: Path | None = None) -> Measured:
        """One client, once."""
        python = self.python if client in RIVALS else Path(sys.executable)
        self.order()
        done = subprocess.run(
            [str(python), str(HERE / "pull_rivals.py"), client, self.url, ASSET, str(folder or "")],
            stdout=subprocess.PIPE, text=True, check=True, preexec_fn=self._stay if self.cores else None,
        )  # fmt: skip
        counted = self.order()
        return {**json.loads(done.stdout), "bytes": counted["sent"] + counted["heard"], "requests": counted["requests"]}

    def _stay(self) -> None:
        os.sched_setaffinity(0, self.cores or {0})

    def first_pull(self) -> Measured:
        """kobo-sync into a new store."""
        with TemporaryDirectory(dir=self.scratch) as folder:
            return self.run("kobo_sync", Path(folder))


@contextmanager
def served(rows: int, python: Path, scratch: Path) -> Iterator[Bench]:
    """A server of so many rows, on the last core; clients stay off it where there is another."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    alone = cores[-1] if len(cores) > 1 else None
    command = [sys.executable, str(HERE / "pull_server.py"), "--rows", str(rows)]
    command += ["--core", str(alone)] if alone is not None else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            yield Bench(url, python, set(cores[:-1]) if alone is not None else None, scratch)
        finally:
            process.stdin.close()


def rivals_installed(folder: Path) -> Path:
    """An environment with both rivals; its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *RIVALS]
    subprocess.run(install, check=True, stdout=sys.stderr)
    return python


def compared(bench: Bench, size: int, clients: list[str], said: Page) -> Measured:
    """Every client once on the same archive, then the night after 0.1 % of changes; one table, and its ratios."""
    found: dict[str, Measured] = {}
    with TemporaryDirectory(dir=bench.scratch) as folder:
        for client in clients:
            found[client] = bench.run(client, Path(folder) if client == "kobo_sync" else None)
        bench.order(change=max(2, size // 1000))
        found["kobo_sync_nightly"] = bench.run("kobo_sync", Path(folder))
        least = bench.order(least=True)
    said("| client | fiches | fiches/s | secondes | s de processeur | Mo sur le fil | Mo de mémoire |")
    said("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for client, got in found.items():
        said(
            f"| {NAMES[client]} | {spaced(got['rows'])} | {spaced(got['rows'] / got['seconds'])} "
            f"| {french(got['seconds'])} | {french(got['cpu'])} | {french(got['bytes'] / 1e6)} "
            f"| {french(got['memory'] / 1e6, 0)} |"
        )
    said("")
    first, night = found["kobo_sync"], found["kobo_sync_nightly"]
    return {
        "thrown": found["thrown_away"]["seconds"] / first["seconds"],
        "in_turn": found["thrown_away_in_turn"]["seconds"] / first["seconds"],
        "plain": found["plain"]["seconds"] / first["seconds"],
        "least": night["bytes"] / (least["index"] + least["changed"]),
        "bytes": first["bytes"] / night["bytes"],
        "time": first["seconds"] / night["seconds"],
    }


class Page:
    """What is printed, and kept to be written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        """Print a line and keep it."""
        print(line, flush=True)
        self.lines.append(line)

    def write(self, path: Path) -> None:
        """Put it between the marks of a page."""
        before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        path.write_text(f"{before}{BEGIN}\n\n{chr(10).join(self.lines).strip()}\n\n{END}{after}", encoding="utf-8")


def aims(said: Page, ratios: dict[str, Measured], memory: dict[int, int]) -> None:
    """The aims beside what was measured."""
    said("### Les buts et ce qui est mesuré\n")
    said(f"| but | {' | '.join(ratios)} |")
    said(f"| --- |{' ---: |' * len(ratios)}")
    for words, name, shown in (
        ("premier tirage : 80 % de la vitesse des pages jetées, 4 connexions", "thrown", percent),
        ("… des pages jetées, l’une après l’autre", "in_turn", percent),
        ("… de la boucle requests, qui décode sans rien garder", "plain", percent),
        ("nuit : octets, au plus 1,2 fois l’index et les fiches changées", "least", lambda x: french(x, 2)),
        ("nuit : au moins 10 fois moins d’octets qu’un premier tirage", "bytes", french),
        ("nuit : moins de temps qu’un premier tirage (fois)", "time", french),
    ):
        said(f"| {words} | {' | '.join(shown(found[name]) for found in ratios.values())} |")
    (few, small), (many, large) = memory.items()
    said(
        f"\nMémoire la plus haute de kobo-sync : {french(small / 1e6, 0)} Mo pour {spaced(few)} fiches, "
        f"{french(large / 1e6, 0)} Mo pour {spaced(many)} : rapport {french(large / max(small, 1), 2)}."
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--quick", action="store_true", help="5 000 fiches, sans les 200 ms")
    options.add_argument(
        "--no-rivals", action="store_true", help="sans koboextractor ni kobo2pandas (rien à installer)"
    )
    options.add_argument("--write", action="store_true", help="mettre aussi le résultat dans docs/performance.md")
    asked = options.parse_args()
    size = 5_000 if asked.quick else asked.rows
    said = Page()
    with TemporaryDirectory(prefix="pull-") as scratch:
        folder = Path(scratch)
        clients = ["thrown_away", "thrown_away_in_turn", "plain", *(() if asked.no_rivals else RIVALS), "kobo_sync"]
        python = Path(sys.executable) if asked.no_rivals else rivals_installed(folder / "rivals")
        ratios: dict[str, Measured] = {}
        with served(size, python, folder) as bench:
            for round_trip in (0.0,) if asked.quick else (0.0, 0.2):
                for gzip in (False, True):
                    bench.order(round_trip=0.0, gzip=gzip)
                    bench.run("thrown_away")  # the server's own first time: pages compressed, memory touched
                    bench.order(round_trip=round_trip)
                    name = f"{round_trip * 1000:.0f} ms, {'avec' if gzip else 'sans'} gzip"
                    said(f"### {name}\n")
                    ratios[name] = compared(bench, size, clients, said)
        memory = {}
        for rows in (max(1000, size // 10), size):
            with served(rows, python, folder) as bench:
                memory[rows] = bench.first_pull()["memory"]
        aims(said, ratios, memory)
    if asked.write:
        said.write(DOC)


def french(number: float, digits: int = 1) -> str:
    """With a comma."""
    return f"{number:.{digits}f}".replace(".", ",")


def spaced(number: float) -> str:
    """Thousands apart."""
    return f"{number:,.0f}".replace(",", " ")


def percent(share: float) -> str:
    """A share in percent."""
    return f"{share * 100:.0f} %"


if __name__ == "__main__":
    main()
