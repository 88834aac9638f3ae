"""The demonstration from end to end: a server, its forms, a day of phones, a night, some changes, a second night.

Nothing in the nightly job knows that it is a demonstration: it reads a configuration and a server like any other.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from kobo_sync import forms
from kobo_sync.attachment_files import FOLDER as ATTACHMENTS
from kobo_sync.client import KoboClient
from kobo_sync.config import Config, load_config
from kobo_sync.demo import accounts, phones
from kobo_sync.demo.accounts import Account
from kobo_sync.demo.plan import Plan, load
from kobo_sync.deploy import deploy
from kobo_sync.errors import KoboSyncError, ServerUnavailable
from kobo_sync.keys import PSEUDONYM_VARIABLE, STORE_VARIABLE, init_keys
from kobo_sync.run import RunReport, run
from kobo_sync.secret_places import replace_private_file
from kobo_sync.show import print_files, quarantined, run_table
from kobo_sync.words import word

_PROJECT = Path(__file__).parents[2]
_MARK = "demonstration.txt"
_TOKEN = "KOBO_SYNC_DEMO_TOKEN"
_SOURCE = "kobo-demo"
_START = 30.0
"""Seconds that the server may take to listen."""


def play(folder: Path, output: Path, out: Console, err: Console, lang: str) -> int:
    """Runs the demonstration in `folder` (emptied first) and writes the workbooks under `output`.

    Returns the exit code: 0 when the outcome is the one the plan foresees, 1 otherwise.
    """
    plan = load()
    folder, output = folder.resolve(), output.resolve()
    _clear(folder)
    sync_account = str(_template()["sync_account"])
    people = accounts.draw([*accounts.names(plan), sync_account])
    reports: dict[str, RunReport] = {}
    server_file = folder / "serveur.db"
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        with (
            _server(server_file, people) as url,
            Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress,
        ):
            task = progress.add_task("Déploiement des formulaires", total=None)
            owner = people[sync_account]
            os.environ[_TOKEN] = owner.token
            for variable in (STORE_VARIABLE, PSEUDONYM_VARIABLE):  # never the real keys, and always the demo's mark
                os.environ.pop(variable, None)
            config = _config(folder, output, url, {})
            init_keys(config, demo=True)
            uids = _deploy(config, owner.token)
            config = _config(folder, output, url, uids)
            accounts.grant(url, uids, owner.token, plan)
            for night, send in (("first_night", phones.send_first_day), ("second_night", phones.send_second_day)):
                progress.reset(task, description="Envois des téléphones")
                send(url, uids, owner.token, plan, _bar(progress, task), accounts=people)
                progress.reset(task, total=None)
                reports[word(night, lang)] = run(
                    config,
                    now=datetime.now(ZoneInfo(config.timezone)),
                    step=lambda text: progress.update(task, description=text),
                )
    finally:
        os.environ.pop(_TOKEN, None)
        for left in folder.glob("serveur.*"):  # the one place where names stood in clear
            left.unlink()
    last = list(reports.values())[-1]
    out.print(run_table(reports, lang))
    print_files(out, last)
    kept = sum(path.is_file() for path in (config.data_dir / ATTACHMENTS).rglob("*"))
    out.print(f"  {word('files_kept', lang)} {kept}", markup=False, highlight=False)
    for line in last.for_people:
        # The real configuration is another one: name the demonstration's in what there is to type.
        shown = re.sub(r"kobo-sync (status|decide)", rf"kobo-sync \1 --config {_short(config.path)}", line)
        out.print(f"  • {shown}", markup=False, highlight=False, soft_wrap=True)
    differences = unplanned(plan, *reports.values())
    out.print(word("not_as_planned" if differences else "as_planned", lang))
    for line in differences:
        out.print(f"  • {line}", markup=False, soft_wrap=True)
    return 1 if differences else 0


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def unplanned(plan: Plan, first: RunReport, second: RunReport) -> list[str]:
    """What the two nights did that the plan does not foresee, in French; empty when all went as planned."""
    new = {day: sum(s.day == day and s.edit_of is None and s.answer == 201 for s in plan.submissions) for day in (1, 2)}
    actions = {day: [a for a in plan.actions if a.day == day] for day in (1, 2)}
    gone = {day: sum(a.kind == "delete" for a in actions[day]) for day in (1, 2)}
    back = sum(a.kind == "resend" and a.answer == 201 for a in actions[2])
    edits = sum(a.kind in ("edit", "bulk_edit") for a in actions[2])
    expected = {
        "1re nuit, fiches reçues": (first.total("new"), new[1] - gone[1]),
        "1re nuit, fiches en quarantaine": (quarantined(first), len(plan.truth.quarantined)),
        "2e nuit, fiches nouvelles": (second.total("new"), new[2] + back),
        "2e nuit, fiches modifiées": (second.total("changed"), edits),
        "2e nuit, fiches supprimées": (second.total("deleted"), gone[2]),
        "2e nuit, revues changées": (second.total("status_changed"), sum(a.kind == "status" for a in actions[2])),
    }
    found = [f"{what} : {seen}, prévu {planned}" for what, (seen, planned) in expected.items() if seen != planned]
    return found + [problem for report in (first, second) for problem in report.problems]


def _clear(folder: Path) -> None:
    """Empties the folder of an earlier demonstration; any other folder is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise KoboSyncError(
                f"Le dossier {folder} n’est pas celui d’une démonstration",
                "choisissez un dossier vide : kobo-sync demo --folder DOSSIER",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    words = "Données inventées de la démonstration ; ce dossier peut être supprimé.\n"
    (folder / _MARK).write_text(words, encoding="utf-8")


@contextmanager
def _server(data: Path, people: Mapping[str, Account]) -> Iterator[str]:
    """The Kobo-compatible server as a process of its own; yields its address."""
    url_file = data.with_suffix(".url")
    users = [f"--user={a.name}:{a.password}:{a.token}" for a in people.values()]
    process = subprocess.Popen(
        [sys.executable, "-m", "kobo_sync.demo_server", f"--data={data}", f"--url-file={url_file}", *users],
        cwd=_PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith("KOBO_")},
    )
    try:
        end = time.monotonic() + _START
        while not url_file.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise ServerUnavailable("Le serveur de la démonstration ne démarre pas", "relancez : kobo-sync demo")
            time.sleep(0.05)
        yield url_file.read_text(encoding="utf-8").strip()
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _template() -> dict[str, object]:
    content: dict[str, object] = yaml.safe_load((_PROJECT / "config.yaml").read_text(encoding="utf-8"))
    return content


def _config(folder: Path, output: Path, url: str, uids: Mapping[str, str]) -> Config:
    """The project's own configuration with the demonstration's server in place of Kobo's."""
    content = _template() | {
        "sources": [{"name": _SOURCE, "kind": "kobo", "url": url, "token_env": _TOKEN, "forms": dict(uids)}],
        "data_dir": str(folder / "base"),
        "output_dir": str(output),
        "attachments": {"fournisseur": True},
    }
    path = folder / "config.yaml"
    replace_private_file(path, yaml.safe_dump(content, allow_unicode=True, sort_keys=False).encode())
    return load_config(path)


def _deploy(config: Config, token: str) -> dict[str, str]:
    (source,) = config.sources
    with KoboClient(source.url, token) as client:
        return {
            form: deploy(client, source, form, forms.xlsx_path(form), forms.media(config.providers)).uid
            for form in forms.FORMS
        }


def _bar(progress: Progress, task: object) -> Callable[[int, int], None]:
    return lambda done, total: progress.update(task, completed=done, total=total)  # type: ignore[arg-type]
