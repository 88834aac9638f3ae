"""The demonstration's phones and reviewers at work on a server: sends, sends again, corrects, reviews, deletes.

Everything goes through the addresses that real phones and people use: OpenRosa `/formList`, `/forms/…/form.xml`
and `/submission`, then the API v2. Nothing here knows that the server is the demo's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import requests
from fpdf import FPDF
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from kobo_sync.demo import instances
from kobo_sync.demo.accounts import TIMEOUT, Account
from kobo_sync.demo.instances import BlankForm
from kobo_sync.demo.plan import INSTANCES, Action, Plan, Submission, read_instances
from kobo_sync.errors import UnexpectedAnswer

Progress = Callable[[int, int], None]
"""Called with (steps done, steps in all) after each step."""

_LIST = "{http://openrosa.org/xforms/xformsList}"
_SCAN = re.compile(r"<mou_scan>([^<]+)</mou_scan>")
"""The only question of the forms whose answer names a file."""


@dataclass
class Counts:
    """What was done in a day, each step answered as planned."""

    sent: int = 0
    sent_again: int = 0
    refused: int = 0
    """Damaged files, which the phone keeps."""
    edited: int = 0
    edited_in_bulk: int = 0
    deleted: int = 0
    statuses: int = 0


@dataclass
class _Server:
    base_url: str
    uids: Mapping[str, str]
    owner_token: str
    plan: Plan
    accounts: Mapping[str, Account]
    templates: Mapping[str, str]
    session: requests.Session
    blanks: dict[str, BlankForm] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    """What each phone posted, by file: sending again means the same bytes."""

    def token(self, by: str | None) -> dict[str, str]:
        """Header of an account, or of the owner."""
        token = self.owner_token if by is None else self.accounts[by].token
        return {"Authorization": f"Token {token}"}

    def data_url(self, form: str) -> str:
        """Where the submissions of a form are."""
        return f"{self.base_url}/api/v2/assets/{self.uids[form]}/data/"


def send_first_day(
    base_url: str, uids: Mapping[str, str], owner_token: str, plan: Plan, progress: Progress | None = None, *,
    accounts: Mapping[str, Account], zip_path: Path = INSTANCES,
) -> Counts:  # fmt: skip
    """Everything up to the first nightly run. `uids`: form -> asset uid; the accounts must hold their rights.

    Raises UnexpectedAnswer at the first answer that is not the planned one.
    """
    return _play(1, base_url, uids, owner_token, plan, progress, accounts, zip_path)


def send_second_day(
    base_url: str, uids: Mapping[str, str], owner_token: str, plan: Plan, progress: Progress | None = None, *,
    accounts: Mapping[str, Account], zip_path: Path = INSTANCES,
) -> Counts:  # fmt: skip
    """What changes after the first nightly run; as `send_first_day`."""
    return _play(2, base_url, uids, owner_token, plan, progress, accounts, zip_path)


def _play(
    day: int, base_url: str, uids: Mapping[str, str], owner_token: str, plan: Plan, progress: Progress | None,
    accounts: Mapping[str, Account], zip_path: Path,
) -> Counts:  # fmt: skip
    submissions = sorted(
        (one for one in plan.submissions if one.day == day and one.edit_of is None),
        key=lambda one: (one.submission_time, one.file),
    )
    actions = [action for action in plan.actions if action.day == day]
    counts = Counts()
    with requests.Session() as session:
        # `trust_env` off: a proxy or a .netrc of the machine has no business with the phones.
        session.trust_env = False
        server = _Server(base_url, uids, owner_token, plan, accounts, read_instances(zip_path), session)
        _fetch_blanks(server)
        steps: list[Submission | Action] = [*submissions, *actions]
        for done, step in enumerate(steps, 1):
            if isinstance(step, Submission):
                _send(server, step, counts)
            else:
                _act(server, step, counts)
            if progress is not None:
                progress(done, len(steps))
    return counts


def _fetch_blanks(server: _Server) -> None:
    """Downloads the blank forms as a phone does, with Digest."""
    first = server.accounts[next(iter(server.plan.accounts))]
    auth = HTTPDigestAuth(first.name, first.password)
    headers = {"X-OpenRosa-Version": "1.0"}
    listed = server.session.get(f"{server.base_url}/formList", auth=auth, headers=headers, timeout=TIMEOUT)
    _expect(listed, 200, "formList")
    links = {
        form.findtext(f"{_LIST}formID"): form.findtext(f"{_LIST}downloadUrl") or ""
        for form in ElementTree.fromstring(listed.content)
    }
    for form, uid in server.uids.items():
        if uid not in links:
            raise UnexpectedAnswer(f"Le formulaire « {form} » n’est pas offert aux téléphones", "le déployer")
        blank = server.session.get(links[uid], auth=auth, headers=headers, timeout=TIMEOUT)
        _expect(blank, 200, form)
        server.blanks[form] = instances.read_blank(blank.content.decode("utf-8"))


def _send(server: _Server, one: Submission, counts: Counts) -> None:
    text = _text(server, one.file)
    _expect(_post(server, text, one.account), one.answer, one.file)
    if one.answer == 201:
        counts.sent += 1
    else:
        counts.refused += 1


def _text(server: _Server, file: str) -> str:
    """What the phone holds under this file: made once, then always the same bytes."""
    if file not in server.kept:
        one = server.plan.by_file[file]
        server.kept[file] = instances.fill(server.templates[file], one, server.plan, server.blanks[one.form])
    return server.kept[file]


def _post(server: _Server, text: str, account: str) -> requests.Response:
    who = server.accounts[account]
    parts = {"xml_submission_file": ("submission.xml", text.encode("utf-8"), "text/xml")}
    parts |= {name: (name, _memorandum(), "application/pdf") for name in _SCAN.findall(text)}
    return server.session.post(
        f"{server.base_url}/submission",
        files=parts,
        headers={"X-OpenRosa-Version": "1.0"},
        auth=HTTPBasicAuth(who.name, who.password),
        timeout=TIMEOUT,
    )


@cache
def _memorandum() -> bytes:
    """What stands for the copy of a signed memorandum: one page, invented."""
    page = FPDF(format="A4")
    page.set_creation_date(datetime(2025, 6, 2, tzinfo=UTC))  # sending again means the same bytes
    page.add_page()
    page.set_font("helvetica", size=16)
    page.cell(text="Protocole d'accord (exemple inventé)")
    return bytes(page.output())


def _act(server: _Server, action: Action, counts: Counts) -> None:
    one = server.plan.by_file[action.file]
    if action.kind == "resend":
        _expect(_post(server, _text(server, action.file), one.account), action.answer, f"{action.file} (renvoi)")
        counts.sent_again += 1
        return
    number, uuid = _find(server, one)
    url, headers = server.data_url(one.form), server.token(action.by)
    if action.kind == "edit":
        text = instances.fill(
            server.templates[action.file], one, server.plan, server.blanks[one.form],
            deprecated_id=f"uuid:{uuid}", submission_time=False,
        )  # fmt: skip
        answer = _post(server, text, action.by or one.account)
        counts.edited += 1
    elif action.kind == "bulk_edit":
        payload = {"payload": {"submission_ids": [number], "data": action.values}}
        answer = server.session.patch(f"{url}bulk/", json=payload, headers=headers, timeout=TIMEOUT)
        counts.edited_in_bulk += 1
    elif action.kind == "delete":
        answer = server.session.delete(f"{url}{number}/", headers=headers, timeout=TIMEOUT)
        counts.deleted += 1
    else:
        status_url = f"{url}{number}/validation_status/"
        if action.status is None:
            answer = server.session.delete(status_url, headers=headers, timeout=TIMEOUT)
        else:
            wanted = {"validation_status.uid": f"validation_status_{action.status}"}
            answer = server.session.patch(status_url, json=wanted, headers=headers, timeout=TIMEOUT)
        counts.statuses += 1
    _expect(answer, action.answer, f"{action.file} ({action.kind})")


def _find(server: _Server, one: Submission) -> tuple[int, str]:
    """(`_id`, current uuid) of a submission, found by its first instance ID as an editor finds it."""
    root = server.plan.instance_id(server.plan.root_file(one.file))
    answer = server.session.get(
        server.data_url(one.form),
        params={"query": json.dumps({"meta/rootUuid": root}), "fields": '["_id"]', "format": "json"},
        headers=server.token(None),
        timeout=TIMEOUT,
    )
    _expect(answer, 200, one.file)
    rows = answer.json()["results"]
    if len(rows) != 1:
        raise UnexpectedAnswer(f"{one.file} : {len(rows)} fiches trouvées sur le serveur, une attendue")
    return int(rows[0]["_id"]), str(rows[0]["_uuid"])


def _expect(answer: requests.Response, status: int, what: str) -> None:
    if answer.status_code != status:
        # Never the body: a server may repeat in it what was sent.
        raise UnexpectedAnswer(
            f"{what} : le serveur répond {answer.status_code}, la démonstration attendait {status}",
            "vérifier que les formulaires et leurs comptes sont déployés sur ce serveur",
        )
