"""One client of the pull's benchmark, alone in its process: reads the archive, prints what it got and what it cost.

python benchmarks/pull_rivals.py CLIENT ADDRESS FORM [FOLDER]     started by pull.py

`koboextractor` and `kobo2pandas` run as their own documentation shows, in an environment of their own: nothing of this
project is imported for them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

TOKEN = "0" * 40
PAGE = 1000
THREADS = 4


def thrown_away(base: str, form: str, folder: str) -> Callable[[], int]:
    """The same pages on as many connections as kobo-sync has, read to the end and dropped."""
    return lambda: _dropped(base, form, THREADS)


def thrown_away_in_turn(base: str, form: str, folder: str) -> Callable[[], int]:
    """The same pages, one after the other."""
    return lambda: _dropped(base, form, 1)


def _dropped(base: str, form: str, threads: int) -> int:
    import requests

    headers = {"Authorization": f"Token {TOKEN}"}
    url = f"{base}/api/v2/assets/{form}/data/"
    count = requests.get(url, params={"limit": 1, "fields": '["_id"]'}, headers=headers).json()["count"]

    def read(starts: range) -> None:
        with requests.Session() as session:
            for start in starts:
                asked = {"limit": PAGE, "start": start}
                with session.get(url, params=asked, headers=headers, stream=True) as answer:
                    while answer.raw.read(1 << 20, decode_content=False):
                        pass

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, [range(n * PAGE, count, threads * PAGE) for n in range(threads)]))
    return int(count)


def plain(base: str, form: str, folder: str) -> Callable[[], int]:
    """requests, `next` followed, each page decoded; the rows are dropped, which is kind to its memory."""
    import requests

    def read() -> int:
        rows, url = 0, f"{base}/api/v2/assets/{form}/data/?limit={PAGE}"
        with requests.Session() as session:
            session.headers["Authorization"] = f"Token {TOKEN}"
            while url:
                page = session.get(url).json()
                rows += len(page["results"])
                url = page["next"]
        return rows

    return read


def koboextractor(base: str, form: str, folder: str) -> Callable[[], int]:
    """As its documentation shows."""
    from koboextractor import KoboExtractor

    return lambda: len(KoboExtractor(TOKEN, f"{base}/api/v2").get_data(form)["results"])


def kobo2pandas(base: str, form: str, folder: str) -> Callable[[], int]:
    """As its documentation shows; the first frame holds one line a submission."""
    from kobo2pandas import KoboAPI

    return lambda: len(KoboAPI(TOKEN, base).get_dataframes(form)[0])


def kobo_sync(base: str, form: str, folder: str) -> Callable[[], int]:
    """A pull into the encrypted store, new or as an earlier pull left it."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from datetime import UTC, datetime

    from kobo_sync.config import SourceConfig
    from kobo_sync.open_source import open_source
    from kobo_sync.pull import pull
    from kobo_sync.store import Store

    source = SourceConfig(name="mesure", url=base, token_env="UNUSED", forms={"traite": form})

    def read() -> int:
        with Store.open(Path(folder) / "anltp.db", bytes(32)) as store, open_source(source, TOKEN) as server:
            report = pull(source, store, server, now=datetime.now(UTC))
            kept = store.connection.execute("SELECT count(*) FROM submission").fetchone()[0]
            assert kept == report.received and not report.quarantined, report
            return report.received

    return read


CLIENTS = {c.__name__: c for c in (thrown_away, thrown_away_in_turn, plain, koboextractor, kobo2pandas, kobo_sync)}


def peak_memory() -> int:
    """Bytes of memory at the highest, of this process alone (0 where the system does not tell)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def main() -> None:
    """Run one client; its libraries are loaded before the clock starts."""
    name, base, form, folder = (*sys.argv[1:], "")[:4]
    run = CLIENTS[name](base, form, folder)
    start, cpu = time.perf_counter(), os.times()
    rows = run()
    spent = os.times()
    result: dict[str, Any] = {
        "rows": rows,
        "seconds": time.perf_counter() - start,
        "cpu": spent.user + spent.system - cpu.user - cpu.system,
        "memory": peak_memory(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
