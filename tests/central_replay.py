"""Replays recorded exchanges with a Central server against the demo server, and tells every difference."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import requests

from kobo_sync.demo_server.central import Person, purge
from kobo_sync.demo_server.central.storage import new_token
from tests.recordings.replay import Story

HERE = Path(__file__).parent / "recordings" / "central"
HOST = "https://central.example.org"
KEYS = {
    13: ("Phone 1", "9YY4JenTRhoEdNhoppIYwaqaqXGwcYnCk01fJZh5gH9sSzrU6AeCADakRVPUMSKo"),
    22: ("Phone 2", "0gF8NBUpV67obUfrDoQd26XwRzaYTrAK878074rVBaCMOi4BlvVbqhTAuz8d7YZm"),
}
PEOPLE = [
    Person("admin1@example.org", "<password>", "admin", 5),
    Person("lead1@example.org", "<password>", "manager", 6),
    Person("viewer1@example.org", "<password>", "viewer", 7),
    Person("collect1@example.org", "<password>", "formfill", 8),
    Person("outsider1@example.org", "<password>", "", 9),
]
TOKENS = {
    "fc5f21SFJaaEEiR9OBsZjzVFqpkRfE4HbP2xKJMfwkINd1gBXruuQpQc4vrlaAER": 5,
    "a4SepE64e2eBIWeWuUhlL4OCegnc3L3G4el3Ovvtr4sqLwhumHrKVfudOSN5TgAn": 6,
    "xLPvJStRxDRejeBdEndOU0Ic7fDvwRft11zHxaAxVSet0eVj8XkOGb2pN35RoQeF": 7,
    "2wlIlknflTvaVaglnMMiQ8ojeJsj1UMX7z7vyfPgfpmnMdvrO12J5SVtGmr2gr23": 7,
    "s1sAaZmsHlqUwAmCkBFS0mWuE7RDSzfpYwe9BK2QwNo7HEOStFvlUeq81EOPOI0U": 8,
    "p5rPhYBlA6zyYaZACUmV9gAq5hCuNb3x1h18t4W3qU9O9kfzfsxFNiBKeBSbxfX8": 9,
    "pBAwocrpUDew8kf01AatGticRyK7T6Q4VtcqcvozC42TsKs1yscIXeF4tNsw32rI": 9,
}
# What is not compared: of entities, of other installations, of the numbers that the recorded server had reached.
LEFT_OUT = {
    "entity", "notes", "lastLoginAt", "hash", "sha", "sha256", "draftToken", "verbs", "acteeId", "submissionId",
    "submissionDefId", "newBlobId", "oldBlobId", "reason", "at",
}  # fmt: skip


def load(recording: str) -> list[dict[str, Any]]:
    """The exchanges of a recording, by its number."""
    (path,) = HERE.glob(f"{recording}-*.json")
    exchanges: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["exchanges"]
    return exchanges


def exchange(recording: str, number: int) -> dict[str, Any]:
    """One of them."""
    return next(each for each in load(recording) if each["number"] == number)


class CentralStory(Story):
    """A running server with the recorded people and forms, and the differences so far."""

    data: Path

    def prepare(self) -> None:
        """People, their tokens, the forms, and the 260 rows of `paging`, as before the first recording."""
        with closing(sqlite3.connect(self.data)) as db, db:
            db.execute("UPDATE project SET name = 'Household survey'")
            for number, (name, key) in KEYS.items():
                db.execute(
                    "INSERT INTO actor (id, type, name, created) VALUES (?, 'field_key', ?, ?)", (number, name, AT)
                )
                db.execute("INSERT INTO session VALUES (?, '', ?, ?, ?)", (key, number, AT, "9999-12-31T00:00:00.000Z"))
                db.execute("INSERT INTO assignment VALUES (?, 'app-user', 1, 0)", (number,))
            for token, number in TOKENS.items():
                db.execute(
                    "INSERT INTO session VALUES (?, ?, ?, ?, '9999-12-31T00:00:00.000Z')",
                    (token, new_token(), number, AT),
                )
        lead = {"Authorization": f"Bearer {next(token for token, number in TOKENS.items() if number == 6)}"}
        xml = {**lead, "Content-Type": "application/xml"}
        forms = f"{self.base}/v1/projects/1/forms"
        for path, body in (
            ("?publish=true", exchange("02", 28)["response"]["body"]),
            ("/visits/draft", exchange("03", 4)["response"]["body"]),
            ("/visits/draft/publish", ""),
            ("?publish=true", exchange("02", 50)["request"]["body"]),
        ):
            answer = requests.post(f"{forms}{path}", data=body.encode(), headers=xml)
            assert answer.status_code == 200, answer.text

    def send_paging(self) -> None:
        """The rows of `paging`, under their recorded ids and times: the recordings show them, not their sending."""
        rows: dict[int, dict[str, Any]] = {}
        for number in (23, 24, 25):
            for row in exchange("04", number)["response"]["body"]["value"]:
                rows[row["n"]] = row
        key = KEYS[13][1]
        for n, row in sorted(rows.items()):
            text = f'<data id="paging" version="1"><n>{n}</n><meta><instanceID>{row["__id"]}</instanceID></meta></data>'
            address = f"{self.base}/v1/key/{key}/projects/1/submission?deviceID=collect%3Adev1"
            sent = requests.post(address, files={"xml_submission_file": ("s.xml", text.encode(), "text/xml")})
            assert sent.status_code == 201
            self._set_times({"value": [row]})

    def replay_central(self, recording: str) -> None:
        """Send each exchange and compare what comes back."""
        found = self.differences.setdefault(recording, [])
        for each in load(recording):
            name = f"{recording}.{each['number']}"
            if name in SETUP:
                continue
            if name in PURGES:
                purge(self.data, PURGES[name])
            live = self._send(each["request"], "")
            wrong = self._compare(each["response"], live, set())
            found += [f"{name} {each['step']}: {text}" for text in wrong]
            self._set_times(each["response"]["body"])
            if each["request"]["method"] == "POST" and "submission" in each["request"]["url"] and recording > "02":
                self._set_created(SERVER_MADE.get(name))

    def live(self, text: str) -> str:
        """Recorded text in the words of the running server."""
        return super().live(text.replace(HOST, self.base))

    def _send(self, request: dict[str, Any], user: str) -> requests.Response:
        request = {**request, "headers": {"User-Agent": "example-client/1.0", **request["headers"]}}
        tag = request["headers"].get("If-None-Match")
        if tag:
            request["headers"]["If-None-Match"] = self.live(tag)
        return super()._send(request, user)

    def _compare(self, recorded: dict[str, Any], live: requests.Response, tolerated: set[str]) -> list[str]:
        wrong: list[str] = []
        if recorded["status"] != live.status_code:
            return [f"status {live.status_code} for {recorded['status']}: {live.text[:300]}"]
        names = ["Content-Type", "Location", "X-OpenRosa-Version", "X-OpenRosa-Accept-Content-Length"]
        for name in (*names, *(["OData-Version"] if live.status_code < 400 else [])):
            self._text(f"header {name}", recorded["headers"].get(name, ""), live.headers.get(name, ""), wrong)
        tags = [headers.get("ETag", "") for headers in (recorded["headers"], live.headers)]
        if re.search(r"eventhash|^\"[0-9a-f]{32}\"$", tags[0]) and live.status_code < 400:
            self._text("header ETag", *tags, wrong)
        body = recorded["body"]
        if isinstance(body, dict) and body.get("binary"):
            if live.content != self.sent[body["sha256"]]:
                wrong.append("other bytes than were sent")
        elif isinstance(body, str):
            self._text("body", body, live.text, wrong)
        elif body is None:
            if live.content:
                wrong.append(f"a body where there is none: {live.text[:100]}")
        else:
            self._json("", _without(body), _without(live.json()), tolerated, wrong)
        return wrong

    def _json(self, path: str, recorded: Any, live: Any, tolerated: set[str], wrong: list[str]) -> None:
        if isinstance(recorded, list) and recorded and isinstance(live, list):
            cut = re.match(r"\.\.\. (\d+) more", recorded[-1]) if isinstance(recorded[-1], str) else None
            if cut:
                if len(live) != len(recorded) - 1 + int(cut[1]):
                    wrong.append(f"{path}: {len(live)} items")
                recorded, live = recorded[:-1], live[: len(recorded) - 1]
        super()._json(path, recorded, live, tolerated, wrong)

    def _text(self, path: str, recorded: str, live: str, wrong: list[str]) -> None:
        super()._text(path, recorded.replace(HOST, self.base), live, wrong)

    def _set_created(self, recorded: str | None) -> None:
        """Give the newest row the time at which the recorded one came: lists are in that order."""
        with closing(sqlite3.connect(self.data)) as db, db:
            number, instance = db.execute("SELECT id, instance FROM submission ORDER BY id DESC LIMIT 1").fetchone()
            at = created().get(recorded or instance)
            if at:
                db.execute("UPDATE submission SET created = ? WHERE id = ?", (at, number))

    def _set_times(self, body: Any) -> None:
        """Give rows the recorded times: filters depend on them, and on no clock of today."""
        with closing(sqlite3.connect(self.data)) as db, db:
            for row in _rows(body):
                system = row.get("__system") or {}
                key = row.get("instanceId") or row.get("__id")
                for column, value in (
                    ("created", row.get("createdAt") or system.get("submissionDate")),
                    ("updated", row.get("updatedAt") or system.get("updatedAt")),
                    ("deleted", row.get("deletedAt") or system.get("deletedAt")),
                ):
                    if value and key:
                        where = "instance = ?" if column == "created" else f"instance = ? AND {column} IS NOT NULL"
                        instance = self.names.get(str(key), key)
                        db.execute(f"UPDATE submission SET {column} = ? WHERE {where}", (value, instance))


AT = "2026-11-24T22:48:43.313Z"
SETUP = {"02.28", "02.50", "03.4"}
SERVER_MADE = {"03.22": "c9f7f70f-a0b6-46e3-97ab-9ec12720df54"}
PURGES = {"07.26": None, "14.8": "uuid:d32b7eaa-6321-58f2-9bbb-7ccb0e91bf7b"}


@cache
def created() -> dict[str, str]:
    """When each recorded row came."""
    found: dict[str, str] = {}
    for path in sorted(HERE.glob("*.json")):
        for each in json.loads(path.read_text(encoding="utf-8"))["exchanges"]:
            for row in _rows(each["response"]["body"]):
                at = row.get("createdAt") or (row.get("__system") or {}).get("submissionDate")
                if at and (row.get("instanceId") or row.get("__id")):
                    found.setdefault(str(row.get("instanceId") or row["__id"]), at)
    return found


def _rows(body: Any) -> list[dict[str, Any]]:
    found = body.get("value", [body]) if isinstance(body, dict) else body
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _without(body: Any) -> Any:
    if isinstance(body, dict):
        return {name: _without(value) for name, value in body.items() if name not in LEFT_OUT}
    return [_without(item) for item in body] if isinstance(body, list) else body
