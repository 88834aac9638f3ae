"""Replays the recorded exchanges against a running server and tells every difference.

Recorded hosts become the server's address. Made-up things (uids, uuids, hashes, instants) may differ, but each
recorded one must stand for one and the same live one through the whole story; all other text must be equal.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import requests
from openpyxl import Workbook
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

HERE = Path(__file__).parent
HOSTS = ("https://kobo.example.org", "https://kc.kobo.example.org")
HEADERS = ("Content-Type", "Allow", "X-Kobonaut", "WWW-Authenticate", "Location", "Content-Disposition")
OPENROSA = ("X-OpenRosa-Version", "X-OpenRosa-Accept-Content-Length")
# Lists whose order the server does not promise.
UNORDERED = ("effective_permissions", "columns", "implied", "contradictory")

_INSTANT = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"
_MADE_UP = re.compile(
    rf"({_INSTANT}|[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}|\b[0-9a-f]{{40}}\b|\b[0-9a-f]{{32}}\b"
    r"|\b(?:org|att|af|[aviup])[2-9A-HJ-NP-Za-km-z]{21,23}\b)"
)


def load(name: str) -> list[dict[str, Any]]:
    """The exchanges of a recording, by its number."""
    (path,) = HERE.glob(f"{name}-*.json")
    exchanges: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["exchanges"]
    return exchanges


@dataclass
class Story:
    """A running server, what the recorded made-up things are called there, and the differences so far."""

    base: str
    passwords: dict[str, str]
    exceptions: dict[str, set[str]]
    names: dict[str, str] = field(default_factory=dict)
    sent: dict[str, bytes] = field(default_factory=dict)
    differences: dict[str, list[str]] = field(default_factory=dict)

    def replay(self, recording: str, only: str = "") -> None:
        """Send each exchange of a recording (`only` those to this path) and compare what comes back."""
        found = self.differences.setdefault(recording, [])
        for number, exchange in enumerate(load(recording)):
            tolerated = self.exceptions.get("*", set()) | self.exceptions.get(f"{recording}.{number}", set())
            url = (exchange["request"] or {}).get("url", "")
            if "exchange" in tolerated or not url.endswith(only):
                continue
            live = self._send(exchange["request"], exchange["response"]["headers"].get("X-Kobonaut", ""))
            wrong = self._compare(exchange["response"], live, tolerated)
            found += [f"{recording}.{number} {exchange['step']}: {text}" for text in wrong]

    def live(self, text: str) -> str:
        """Recorded text in the words of the running server."""
        for host in HOSTS:
            text = text.replace(host, self.base)
        for recorded in sorted(self.names, key=len, reverse=True):
            text = text.replace(recorded, self.names[recorded])
        return text

    def _send(self, request: dict[str, Any], user: str) -> requests.Response:
        headers = {k: v for k, v in request["headers"].items() if k not in ("Content-Length", "Authorization")}
        authorization, auth = request["headers"].get("Authorization", ""), None
        match authorization.partition(" ")[0]:
            case "Basic":
                auth = HTTPBasicAuth(user, self.passwords[user])
            case "Digest":
                auth = HTTPDigestAuth(user, self.passwords[user])
            case "":
                pass
            case _:
                headers["Authorization"] = authorization
        body, more = request["body"], {}
        if isinstance(body, dict) and "multipart" in body:
            headers.pop("Content-Type")
            more = {"files": [self._part(part) for part in body["multipart"]]}
        elif body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            more = {"data": self.live(text).encode()}
        return requests.request(
            request["method"], self.live(request["url"]), headers=headers, auth=auth, allow_redirects=False, **more
        )

    def _part(self, part: dict[str, Any]) -> tuple[str, Any]:
        if "value" in part:
            return part["name"], (None, self.live(part["value"]))
        content = part["content"]
        if isinstance(content, dict):
            data = self.sent.setdefault(content["sha256"], _stand_in(content["sha256"], content["bytes"]))
        else:
            data = self.live(content).encode()
        return part["name"], (part["filename"], data, part["content_type"])

    def _compare(self, recorded: dict[str, Any], live: requests.Response, tolerated: set[str]) -> list[str]:
        wrong: list[str] = []
        if recorded["status"] != live.status_code:
            return [f"status {live.status_code} for {recorded['status']}: {live.text[:300]}"]
        for name in (*HEADERS, *OPENROSA):
            if name not in tolerated:
                self._text(f"header {name}", recorded["headers"].get(name, ""), live.headers.get(name, ""), wrong)
        body = recorded["body"]
        if isinstance(body, dict) and body.get("html_page"):
            if body["heading"] not in live.text:
                wrong.append(f"page without its heading {body['heading']}")
        elif isinstance(body, dict) and body.get("binary"):
            if live.content != self.sent[body["sha256"]]:
                wrong.append("other bytes than were sent")
        elif isinstance(body, str):
            self._text("body", _canonical(body), _canonical(live.text), wrong)
        elif body is None:
            if live.content:
                wrong.append(f"a body where there is none: {live.text[:100]}")
        else:
            self._json("", body, live.json(), tolerated, wrong)
        return wrong

    def _json(self, path: str, recorded: Any, live: Any, tolerated: set[str], wrong: list[str]) -> None:
        key = path.rpartition(".")[2]
        if type(recorded) is not type(live):
            wrong.append(f"{path}: {type(live).__name__} for {type(recorded).__name__}")
        elif key in tolerated:
            return
        elif isinstance(recorded, dict):
            here = {self.names.get(name, name): value for name, value in recorded.items()}
            if set(here) != set(live):
                wrong.append(f"{path}: keys {sorted(set(here) ^ set(live))}")
            for name in sorted(set(here) & set(live)):
                self._json(f"{path}.{name}", here[name], live[name], tolerated, wrong)
        elif isinstance(recorded, list):
            if key in UNORDERED:
                recorded, live = sorted(recorded, key=str), sorted(live, key=str)
            if len(recorded) != len(live):
                wrong.append(f"{path}: {len(live)} items for {len(recorded)}")
            for number, (left, right) in enumerate(zip(recorded, live, strict=False)):
                self._json(f"{path}.{number}", left, right, tolerated, wrong)
        elif key == "$kuid":
            self.names.setdefault(recorded, live)
        elif isinstance(recorded, str):
            self._text(path, recorded, live, wrong)
        elif recorded != live:
            wrong.append(f"{path}: {live} for {recorded}")

    def _text(self, path: str, recorded: str, live: str, wrong: list[str]) -> None:
        """Equal but for made-up things, which must be the same ones all along."""
        for host in HOSTS:
            recorded = recorded.replace(host, self.base)
        recorded = _plain_challenge(recorded)
        left, right = _MADE_UP.split(recorded), _MADE_UP.split(_plain_challenge(live))
        plain = [self.live(text) for text in left[::2]]
        if plain != right[::2]:
            wrong.append(f"{path}: {live[:2000]!r} for {self.live(recorded)[:2000]!r}")
            return
        for theirs, ours in zip(left[1::2], right[1::2], strict=True):
            if re.fullmatch(_INSTANT, theirs):
                if re.sub(r"\d", "0", theirs) != re.sub(r"\d", "0", ours):
                    wrong.append(f"{path}: instant {ours} for {theirs}")
            elif self.names.setdefault(theirs, ours) != ours:
                wrong.append(f"{path}: {ours} where {theirs} was {self.names[theirs]}")


def household(version: str, extra: list[tuple[str, str, str]]) -> bytes:
    """The recordings' form, built again from the content they show; `extra` rows (type, name, label) follow."""
    book = Workbook()
    survey = book.active
    survey.title = "survey"
    survey.append(["type", "name", "label", "required"])
    content = load("02")[2]["response"]["body"]["content"]
    for row in content["survey"]:
        kind = " ".join(filter(None, (row["type"], row.get("select_from_list_name") or row.get("file"))))
        survey.append([kind, row.get("name"), row.get("label", [None])[0], "yes" if row.get("required") else None])
    for row in extra:
        survey.append([*row, None])
    choices = book.create_sheet("choices")
    choices.append(["list_name", "name", "label"])
    for row in content["choices"]:
        choices.append([row["list_name"], row["name"], row["label"][0]])
    settings = book.create_sheet("settings")
    settings.append(["form_id", "version"])
    settings.append([content["settings"]["id_string"], version])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def workbooks() -> dict[str, bytes]:
    """The three uploaded forms, by the hash under which the recordings name them."""
    uploads = {
        part["content"]["sha256"]
        for recording in ("02", "03")
        for exchange in load(recording)
        for part in (exchange["request"]["body"] or {} if isinstance(exchange["request"]["body"], dict) else {}).get(
            "multipart", []
        )
        if isinstance(part.get("content"), dict)
    }
    first = load("02")[0]["request"]["body"]["multipart"][2]["content"]["sha256"]
    second = load("02")[7]["request"]["body"]["multipart"][2]["content"]["sha256"]
    (broken,) = uploads - {first, second}
    return {
        first: household("v1", []),
        second: household("v2", [("text", "remarks", "Remarks")]),
        broken: household("v1", [("select_one nosuchlist", "choice", "Choice")]),
    }


def _stand_in(sha256: str, size: int) -> bytes:
    """Bytes in place of a file that the recordings only measure: the same file, the same bytes."""
    seed = hashlib.sha256(sha256.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


def _canonical(text: str) -> str:
    """XML without the accidents of writing; other text as it is."""
    try:
        return ElementTree.canonicalize(text, strip_text=True)
    except ElementTree.ParseError:
        return text


def _plain_challenge(text: str) -> str:
    """A Digest challenge without what changes each time."""
    return re.sub(r'(nonce|opaque)="[^"]+"', r'\1="…"', text) if text.startswith("Digest ") else text
