"""A small night on two real servers, to be killed anywhere: two days of a few phones, and what a clean run leaves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import yaml

from kobo_sync import forms
from kobo_sync.client import KoboClient
from kobo_sync.config import Config, load_config
from kobo_sync.demo import accounts, phones
from kobo_sync.demo.plan import Plan, load
from kobo_sync.demo_server import User, serve
from kobo_sync.demo_server.central import serve_central
from kobo_sync.deploy import deploy
from kobo_sync.digest import store_digest
from kobo_sync.keys import PSEUDONYM_VARIABLE, STORE_VARIABLE
from kobo_sync.store import Store
from tests.central_fixture import PEOPLE, SYNC, CentralProject
from tests.store_fixture import KEY

FORMS = ("traite", "trafic")
TOKEN, PASSWORD = "KOBO_SYNC_CRASH_TOKEN", "KOBO_SYNC_CRASH_PASSWORD"
_COUNTED = (
    "submission",
    "revision",
    "witness",
    "deletion",
    "validation_state",
    "decision",
    "person_ledger",
    "event_ledger",
)


@dataclass
class Killer:
    """The process that forks the children."""

    process: subprocess.Popen[str]

    def __call__(self, job: str, about: Path | str, **fuse: Any) -> dict[str, Any]:
        """Runs a job and says how it ended: `killed`, `seconds`, and of one that lived `problems`, `calls`, `steps`."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps({"job": job, "about": str(about)} | fuse), file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def at_random(self, random: Random, job: str, about: Path | str, clean: dict[str, Any]) -> dict[str, Any]:
        """A job killed at a random point of what the clean one took: at a call, within a statement, or by the clock."""
        kind = random.choices(("at_call", "at_step", "after"), (6, 2, 2))[0]
        if kind == "after":
            return self(job, about, after=random.uniform(0, clean["seconds"]))
        most = clean["calls" if kind == "at_call" else "steps"]
        return self(job, about, **{kind: random.randint(1, max(1, most))})


@contextmanager
def killer(environment: dict[str, str] | None = None) -> Iterator[Killer]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash_child"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1],
        env=os.environ | (environment or {}),
    ) as process:  # fmt: skip
        yield Killer(process)
        assert process.stdin
        process.stdin.close()


@dataclass
class World:
    """The server's two days, the configuration, and for each start what a clean job leaves.

    `starts`: name -> folder of data to start from (None: nothing).
    """

    config: Config
    kill: Killer
    starts: dict[str, Path | None]
    clean: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    left: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def begin(self, start: str) -> None:
        """The data folder as it is before the job."""
        for folder in (self.config.data_dir, self.config.output_dir):
            shutil.rmtree(folder, ignore_errors=True)
        origin = self.starts[start]
        if origin is not None:
            shutil.copytree(origin, self.config.data_dir)

    def know(self, job: str, start: str) -> dict[str, Any]:
        """What the clean job takes; what it leaves is kept for comparison."""
        if (job, start) not in self.clean:
            self.begin(start)
            self.clean[job, start] = self.kill(job, self.config.path)
            assert self.clean[job, start]["problems"] == []
            self.left[job, start] = self.found()
        return self.clean[job, start]

    def found(self) -> dict[str, Any]:
        """All that must be the same after a killed and a clean job."""
        with Store.open(self.config.store_path, KEY) as store:
            assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            counts = {
                table: store.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _COUNTED
            }
            folder = self.config.output_dir
            files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
            return {"digest": store_digest(store), "counts": counts, "files": files}

    def kill_then_run(self, random: Random, job: str) -> tuple[int, str]:
        """One to three killed jobs, then a clean one; how many were killed, and where it differs (empty: nowhere)."""
        start = random.choice(sorted(self.starts))
        clean = self.know(job, start)
        self.begin(start)
        killed = 0
        for _ in range(random.choices((1, 2, 3), (7, 2, 1))[0]):
            killed += self.kill.at_random(random, job, self.config.path, clean)["killed"]
            for book in self.config.output_dir.rglob("*.xlsx"):
                if not book.name.startswith("."):
                    _readable(book)
        done = self.kill(job, self.config.path)
        if done.get("problems") != []:
            return killed, f"{job} from {start}: {done}"
        found, wanted = self.found(), self.left[job, start]
        differing = [f"{what} {found[what]} instead of {wanted[what]}" for what in found if found[what] != wanted[what]]
        return killed, f"{job} from {start}: {'; '.join(differing)}" if differing else ""


def _readable(book: Path) -> None:
    import openpyxl

    openpyxl.load_workbook(book, read_only=True).close()


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A Kobo and a Central server with the second day done, and a store that saw the first day only."""
    plan = _small(load())
    people = accounts.draw([*accounts.names(plan), "sync"])
    users = [User(a.name, a.password, a.token) for a in people.values()]
    owner = people["sync"].token
    keys = {STORE_VARIABLE: KEY.hex(), PSEUDONYM_VARIABLE: "cd" * 32, TOKEN: owner, PASSWORD: SYNC.password}
    with (
        serve(folder / "kobo.db", users=users) as url,
        serve_central(folder / "central.db", people=PEOPLE) as central_url,
        killer(keys) as kill,
    ):
        central = CentralProject.published(central_url, "traite")
        config = _config(folder, url, {}, central_url)
        source = config.source("kobo-anltp")
        with KoboClient(url, owner) as client:
            uids = {
                form: deploy(client, source, form, forms.xlsx_path(form), forms.media(config.providers)).uid
                for form in FORMS
            }
        config = _config(folder, url, uids, central_url)
        accounts.grant(url, uids, owner, plan)
        phones.send_first_day(url, uids, owner, plan, accounts=people)
        sent = [central.add(village=f"v{number}") for number in range(5)]
        one = World(config, kill, {"nothing": None})
        one.begin("nothing")
        assert kill("night", config.path)["problems"] == []
        first_day = folder / "first-day"
        shutil.copytree(config.data_dir, first_day)
        phones.send_second_day(url, uids, owner, plan, accounts=people)
        central.add(village="new")
        edited = f"{sent[0][:-4]}beef"
        assert central.send(central.xml(edited, replaces=sent[0], village="edited")).status_code == 201
        assert central.ask("DELETE", central.row(sent[1])).status_code == 200
        assert central.ask("PATCH", central.row(sent[2]), json={"reviewState": "approved"}).status_code == 200
        one.starts["first day"] = first_day
        yield one


def _small(plan: Plan) -> Plan:
    """A dozen submissions of each day, and what is done to them."""
    cases = [one for one in plan.submissions if one.form in FORMS]
    second = [a for a in plan.actions if a.day == 2 and plan.by_file[a.file].form in FORMS]
    first = [one.file for one in cases if one.day == 1 and one.edit_of is None and one.answer == 201]
    roots = {plan.root_file(action.file) for action in second} | {one.file for one in cases if one.day == 2}
    roots |= {plan.root_file(file) for file in roots} | set(first[:8]) | set(plan.truth.quarantined) & set(first)
    wanted = {one.file for one in cases if plan.root_file(one.file) in roots}  # with every edit of theirs
    submissions = tuple(one for one in cases if one.file in wanted)
    actions = tuple(action for action in plan.actions if action.file in wanted)
    return replace(plan, submissions=submissions, actions=actions)


def _config(folder: Path, url: str, uids: dict[str, str], central: str) -> Config:
    content = yaml.safe_load(Path(__file__).parent.parent.joinpath("config.yaml").read_text(encoding="utf-8"))
    content |= {
        "sources": [
            {"name": "kobo-anltp", "kind": "kobo", "url": url, "token_env": TOKEN, "forms": uids},
            {
                "name": "central-oim",
                "kind": "central",
                "url": central,
                "project": 1,
                "account": SYNC.email,
                "token_env": PASSWORD,
                "forms": {"traite": "traite"},
            },
        ],
        "data_dir": str(folder / "data"),
        "output_dir": str(folder / "outputs"),
        "sync_account": "sync",
        "accounts": [],
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return load_config(path)
