"""What a pull needs of a server, whatever its kind: KoboToolbox and ODK Central are read through the same shape.

Rows come in one shape too, Kobo's: answers under their path (`group/question`), repeats as lists whose items keep the
full path, an unanswered question absent. `received_rows` reads that shape.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kobo_sync.errors import UnexpectedAnswer
from kobo_sync.store_receive import Review, Row

MOST_KEYLESS = 1000

Progress = Callable[[int, int], None]
"""Told (done, total)."""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A row of the index, enough to see that something changed.

    `instance_uuid`: the current version (None: the server gave none). `modified`: the server's modified time, where it
    offers one. `files`: a text that changes when a file arrives or goes; empty where files were not asked for.
    `root_uuid`: the first version, where the index tells it; a server may mend a wrong one.
    """

    remote_key: str
    instance_uuid: str | None
    review: Review
    modified: str | None = None
    files: str = ""
    root_uuid: str | None = None


Take = Callable[[list[IndexRow]], None]
"""Given the rows of one page of the index."""


@dataclass
class Sweep:
    """What came of reading the index of a form; its rows went to `take`, page by page.

    `read`: rows read, whatever they were worth; `malformed`: what had no usable key. `complete` is False when the
    server holds more rows than it showed. `page`: the largest page served, in rows.
    """

    read: int = 0
    malformed: list[Any] = field(default_factory=list)
    complete: bool = True
    page: int = 0

    def without_key(self, raw: Any) -> None:
        """Note what had no usable key. So many are no list of cases, and they are held in memory."""
        self.malformed.append(raw)
        if len(self.malformed) > MOST_KEYLESS:
            raise UnexpectedAnswer(
                f"La liste du serveur montre plus de {MOST_KEYLESS} fiches sans identifiant",
                "vérifiez url, et prévenez l’administrateur du serveur",
            )


@dataclass(frozen=True)
class Refused:
    """A row that can't be stored, and why. `message` is French and holds no answer; `raw` is what came."""

    reason_code: str
    message: str
    raw: Any
    remote_key: str | None = None
    instance_uuid: str | None = None
    keep_raw: bool = True


@dataclass(frozen=True)
class Bodies:
    """Whole rows of one batch; `absent` are the keys asked for that the server no longer has."""

    rows: list[Row | Refused]
    absent: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """A line of the server's own history. `witness`: an instance uuid of the submission, without `uuid:`.

    `action`: added, edited, reviewed, deleted, restored, or the server's own word. `at`: ISO instant, UTC.
    `detail`: the status given, where the action is a review.
    """

    witness: str
    action: str
    by_whom: str
    at: str
    detail: str = ""


class Source(Protocol):
    """One account at one server. Every method may raise the ServerError family."""

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        ...

    def whoami(self) -> str:
        """Name of the account. Raises AuthError when the server takes us for nobody."""
        ...

    def sees_all_rows(self, form_id: str) -> bool:
        """Whether a row that is not shown is a row that is not there."""
        ...

    def sweep(self, form_id: str, take: Take, progress: Progress = ...) -> Sweep:
        """The index of every row shown to us, given to `take` in this thread, page by page, no key twice."""
        ...

    def bodies(self, form_id: str, keys: Sequence[str]) -> Generator[Bodies, None, None]:
        """Whole rows in batches, fetched ahead by a few threads. Memory stays bounded. Closing it ends the threads."""
        ...

    def everything(self, form_id: str) -> Generator[Bodies, None, None]:
        """Every row whole, in large pages fetched ahead, for a first pull. The index judges what is missing."""
        ...

    def whole_review(self, form_id: str, row: IndexRow) -> Review:
        """The review of an index row, with its author where the index itself does not say."""
        ...

    def is_gone(self, form_id: str, key: str) -> bool:
        """Whether the server itself says that it has no such row (any more)."""
        ...

    def events(self, form_id: str, since: str | None) -> Iterable[ServerEvent] | None:
        """The server's history from an instant on (None: all of it), in any order; None where we may not read it."""
        ...
