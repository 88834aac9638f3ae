"""The plan of the demonstration: what is sent, by whom, when, what happens to it, and what is true.

`plan.json` and `instances.zip` are made together by `tests/make_demo_instances.py`. The zip holds one XML an
instance, as the form engine wrote it, with placeholders in place of what is known only at sending; the plan
holds no name, only person keys (see `people`).
"""

from __future__ import annotations

import json
import uuid
import zipfile
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

PLAN = Path(__file__).with_name("plan.json")
INSTANCES = Path(__file__).with_name("instances.zip")
_NAMESPACE = uuid.UUID("6d2a9f0e-3b5c-4f0a-9c55-0c5d3a7be1f4")  # any fixed value: makes instanceIDs repeatable


@dataclass(frozen=True)
class Person:
    """The human being behind one victim row. `variant` is None where the form takes no name."""

    key: str
    variant: int | None


@dataclass(frozen=True)
class Submission:
    """One instance as a phone sends it. Several submissions of the same `event` tell the same facts."""

    file: str
    form: str
    account: str
    code: str
    """The case code (`code_evenement`), drawn from the seed in place of the phone's own random draw."""
    submission_time: str
    """ISO time, UTC: becomes `_submission_time`."""
    event: str
    persons: tuple[Person, ...] = ()
    """One for each victim row, in order."""
    day: int = 1
    answer: int = 201
    """HTTP status that the server must answer; 400 for the damaged file, which the phone keeps."""
    edit_of: str | None = None
    """File that this instance corrects; it is sent by an action, not with the submissions of its day."""
    classification: str = ""
    """`classement_evt` as the form engine worked it out."""
    tags: tuple[str, ...] = ()
    """The special cases that this instance stands for."""


@dataclass(frozen=True)
class Action:
    """What is done on the server after the sending of its day, in the plan's order."""

    kind: str
    """`edit` (sends the edit `file`), `bulk_edit` (values: path -> text), `delete`, `status`, `resend`."""
    file: str
    day: int = 1
    by: str | None = None
    """Account that acts; None: the owner of the project."""
    status: str | None = None
    """`approved`, `not_approved`, `on_hold`, or None to clear."""
    answer: int = 200
    """HTTP status that the server must answer."""
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Truth:
    """What a perfect reader would find."""

    trucks: tuple[tuple[str, ...], ...] = ()
    """Files of `trafic` that tell the same truck, by different bodies."""
    quarantined: dict[str, str] = field(default_factory=dict)
    """File -> question that cannot be read: the whole submission is set aside."""
    flagged: dict[str, str] = field(default_factory=dict)
    """File -> question whose value cannot be read: the rest of the submission counts."""
    silent: tuple[str, ...] = ()
    """Providers that send nothing at all."""
    silent_quarters: dict[str, str] = field(default_factory=dict)
    """Provider -> the only quarter in which it reports no case."""


@dataclass(frozen=True)
class Plan:
    """The whole demonstration."""

    seed: int
    accounts: dict[str, str]
    """Account of a phone -> provider code."""
    coordinators: tuple[str, ...]
    """Accounts that review."""
    submissions: tuple[Submission, ...]
    actions: tuple[Action, ...]
    truth: Truth

    @cached_property
    def by_file(self) -> dict[str, Submission]:
        """Submissions by file name."""
        return {one.file: one for one in self.submissions}

    def instance_id(self, file: str) -> str:
        """The `uuid:…` of an instance, the same at each run."""
        return f"uuid:{uuid.uuid5(_NAMESPACE, f'{self.seed}/{file}')}"

    def root_file(self, file: str) -> str:
        """The first version of an instance: the file itself unless it is an edit."""
        earlier = self.by_file[file].edit_of
        return file if earlier is None else self.root_file(earlier)

    def to_json(self) -> str:
        """Text of plan.json."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def _submission(raw: dict[str, Any]) -> Submission:
    persons = tuple(Person(**person) for person in raw.pop("persons"))
    return Submission(**{**raw, "persons": persons, "tags": tuple(raw["tags"])})


def load(path: Path = PLAN) -> Plan:
    """Reads plan.json. Raises OSError, ValueError (not JSON) or TypeError (another shape)."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    truth = raw["truth"]
    return Plan(
        seed=raw["seed"],
        accounts=raw["accounts"],
        coordinators=tuple(raw["coordinators"]),
        submissions=tuple(_submission(one) for one in raw["submissions"]),
        actions=tuple(Action(**one) for one in raw["actions"]),
        truth=Truth(
            trucks=tuple(tuple(group) for group in truth["trucks"]),
            quarantined=truth["quarantined"],
            flagged=truth["flagged"],
            silent=tuple(truth["silent"]),
            silent_quarters=truth["silent_quarters"],
        ),
    )


def read_instances(path: Path = INSTANCES) -> dict[str, str]:
    """File name -> text of each instance, placeholders not yet filled."""
    with zipfile.ZipFile(path) as archive:
        return {entry: archive.read(entry).decode("utf-8") for entry in archive.namelist()}


def write_instances(instances: dict[str, str], path: Path) -> None:
    """Writes the zip so that the same instances give the same bytes: names sorted, no clock, no owner."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(instances):
            entry = zipfile.ZipInfo(file, date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, instances[file].encode("utf-8"))
