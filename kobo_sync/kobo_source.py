"""KoboToolbox as a source: whole lists out of pages that a server cuts as it likes.

Rows are read by key, not by page: a server may cut pages without a word, and rows move between pages when some are
deleted, so what was served decides what is asked next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Any

from kobo_sync.client import KoboClient, is_id
from kobo_sync.errors import Forbidden, NotFoundError, ServerError, UnexpectedAnswer
from kobo_sync.fetch_ahead import ahead
from kobo_sync.kobo_history import read_history
from kobo_sync.received_rows import read_index, read_row
from kobo_sync.source import Bodies, IndexRow, Progress, ServerEvent, Sweep, Take
from kobo_sync.store_receive import Review

INDEX_FIELDS = ("_id", "_uuid", "meta/rootUuid", "_validation_status")
"""Named one by one: a status that is not asked for is shown empty by some servers."""
MODIFIED = "_date_modified"
"""No server known to us has it yet; asked for all the same, so that the day one has it needs no setting."""
BATCH = 100
BODY_PAGE = 500
"""Whole rows of a page: a few pages are in memory at once, each some ten times its bytes."""
_MORE_THAN_TOLD = 10_000
"""Rows that may come while the index is read; beyond twice what was told and these, a list is called endless."""
_SPLIT = 5
"""An index of that many pages and more is read by ranges of keys, several at a time."""
_EMPTY_RANGES = 20
"""After so many empty ranges in a row the list is read on serially: keys lie unevenly, or the count is wrong."""


class KoboSource:
    """One account at one Kobo server, as a Source. `with_files`: forms (uids) whose index tells of files too."""

    def __init__(self, client: KoboClient, with_files: Collection[str] = ()) -> None:
        self.client = client
        self._with_files = frozenset(with_files)
        self._plain = False  # a server that refused a field it does not know

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self.client.requests

    def whoami(self) -> str:
        """Name of the account. Raises AuthError when the server takes us for nobody."""
        return self.client.whoami()

    def sees_all_rows(self, form_id: str) -> bool:
        """Whether a row that is not shown is a row that is not there: a limited account can't tell."""
        return _sees_all_rows(self.client.asset(form_id), self.whoami())

    def sweep(self, form_id: str, take: Take, progress: Progress = lambda done, total: None) -> Sweep:
        """The index of every row shown to us, given to `take` page by page, by rising `_id`."""
        sweep = Sweep()
        expected, page = self._index_page(form_id, 0, None)

        def keep(results: list[Any], after: int) -> int:
            rows, last = self._read_page(results, after, sweep)
            if sweep.read > 2 * expected + _MORE_THAN_TOLD:
                raise UnexpectedAnswer(
                    f"{self.client.url} : la liste des fiches ne finit pas ({expected} annoncées)",
                    "signalez-le à l’administrateur du serveur",
                )
            take(rows)
            progress(sweep.read, max(expected, sweep.read))
            return last

        last, served = keep(page, 0), len(page)
        if served and expected >= _SPLIT * served:
            last = self._by_ranges(form_id, keep, last, expected, served)
        reached, last = last, 0
        while reached > last:  # what came meanwhile, and the empty page that ends every list
            last = reached
            reached = keep(self._index_page(form_id, last, None)[1], last)
        # Rows deleted while we read are no loss: the count is asked again before the sweep is called incomplete.
        sweep.complete = sweep.read >= expected or sweep.read >= self._count(form_id)
        return sweep

    def bodies(self, form_id: str, keys: Sequence[str]) -> Generator[Bodies, None, None]:
        """Whole rows in batches, in the order of `keys`, fetched ahead by a few threads. Memory stays bounded."""
        batches = (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))
        return ahead(lambda batch: self._batch(form_id, [int(key) for key in batch]), batches)

    def everything(self, form_id: str) -> Generator[Bodies, None, None]:
        """Every row whole, in pages as large as the server serves them, fetched ahead.

        By position: rows that move meanwhile may come twice or be missed; the index says which.
        """
        first = self.client.rows(form_id, {}, limit=BODY_PAGE)
        served, highest = len(first["results"]), 0
        rest = ahead(
            lambda start: self._whole_page(form_id, self.client.rows(form_id, {}, limit=served, start=start)),
            range(served, first["count"], max(served, 1)),
        )
        with closing(rest):
            for last, bodies in chain([self._whole_page(form_id, first)], rest):
                if last <= highest:  # nothing new: the end, or a server that does not count well, or knows no position
                    return
                highest = last
                yield bodies

    def whole_review(self, form_id: str, row: IndexRow) -> Review:
        """The review of an index row: the index says who gave it."""
        return row.review

    def is_gone(self, form_id: str, key: str) -> bool:
        """Whether the server itself says that it has no such row (any more)."""
        return self.client.get_submission(form_id, int(key)) is None

    def events(self, form_id: str, since: str | None) -> Iterable[ServerEvent] | None:
        """The project history from an instant on; None where we may not read it, or the server keeps none."""
        try:
            self.client.history(form_id, limit=1)
        except (Forbidden, NotFoundError):
            return None
        except UnexpectedAnswer:  # a page instead: an address that an older server does not know
            return None
        return read_history(self.client, form_id, since)

    # --- The index ----------------------------------------------------------------------------------------------------

    def _index_page(self, form_id: str, after: int, upto: int | None) -> tuple[int, list[Any]]:
        """How many rows there are between two keys, and the first of them."""
        query = {"_id": {"$gt": after} if upto is None else {"$gt": after, "$lte": upto}}
        files = ("_attachments",) if form_id in self._with_files else ()
        if not self._plain:
            try:
                page = self.client.rows(form_id, query, (*INDEX_FIELDS, MODIFIED, *files))
                return page["count"], page["results"]
            except ServerError as error:
                if type(error) is not ServerError:  # only a request that was refused as such
                    raise
                self._plain = True
        page = self.client.rows(form_id, query, (*INDEX_FIELDS, *files))
        return page["count"], page["results"]

    def _by_ranges(
        self, form_id: str, keep: Callable[[list[Any], int], int], last: int, expected: int, served: int
    ) -> int:
        """Read on by ranges of keys, several at a time; the highest key seen."""
        empty = 0
        ranges = ahead(
            lambda span: (span, self._range(form_id, *span, served)),
            _spans(last, self._highest(form_id), expected - served, served),
        )
        with closing(ranges):
            for (start, upto), (results, ended) in ranges:
                empty = 0 if results else empty + 1
                if empty > _EMPTY_RANGES:
                    break
                last = max(last, keep(results, start))
                while not ended:  # more rows than fit: read on here, so that memory holds a page a range
                    results, ended = self._range(form_id, last, upto, served)
                    last = max(last, keep(results, last))
        return last

    def _range(self, form_id: str, after: int, upto: int, served: int) -> tuple[list[Any], bool]:
        """The first page of the index rows between two keys, and whether that is all.

        A page as long as the server's longest may have been cut: there is more.
        """
        count, results = self._index_page(form_id, after, upto)
        keyed = [row["_id"] for row in results if _has_id(row)]
        highest = max((number for number in keyed if number <= upto), default=after)
        if keyed and highest <= after:
            raise self._no_position()
        kept = [row for row in results if not _has_id(row) or after < row["_id"] <= upto]
        return kept, highest <= after or (len(results) >= count and len(results) < served)

    def _read_page(self, results: list[Any], after: int, sweep: Sweep) -> tuple[list[IndexRow], int]:
        """The rows of a page that lie after a key, each once, and the highest key."""
        rows: dict[int, IndexRow] = {}
        usable = False
        for raw in results:
            row = read_index(raw) if isinstance(raw, dict) else None
            if row is None:
                sweep.without_key(raw)
                sweep.read += 1
                continue
            usable = True
            if int(row.remote_key) > after:
                rows[int(row.remote_key)] = row
        if usable and not rows:
            raise self._no_position()
        sweep.read += len(rows)
        sweep.page = max(sweep.page, len(results))
        return list(rows.values()), max(rows, default=after)

    def _no_position(self) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"{self.client.url} : la liste ne tient pas compte de la position demandée ; "
            "les fiches ne peuvent pas être lues en entier",
            "signalez-le à l’administrateur du serveur",
        )

    def _count(self, form_id: str) -> int:
        count: int = self.client.rows(form_id, {}, ("_id",), limit=1)["count"]
        return count

    def _highest(self, form_id: str) -> int:
        results = self.client.rows(form_id, {}, ("_id",), limit=1, descending=True)["results"]
        number = results[0].get("_id") if results and isinstance(results[0], dict) else None
        return number if isinstance(number, int) and is_id(number) else 0

    # --- Bodies -------------------------------------------------------------------------------------------------------

    def _read(self, form_id: str, raws: list[Any], absent: Sequence[int] = ()) -> Bodies:
        with_files = form_id in self._with_files
        return Bodies([read_row(raw, with_files) for raw in raws], [str(number) for number in absent])

    def _whole_page(self, form_id: str, page: dict[str, Any]) -> tuple[int, Bodies]:
        """The highest key of a page of whole rows, and the rows, read in the thread that fetched them."""
        results = page["results"]
        return max((row["_id"] for row in results if _has_id(row)), default=0), self._read(form_id, results)

    def _batch(self, form_id: str, ids: Sequence[int]) -> Bodies:
        rows: list[Any] = []
        wanted = set(ids)
        while wanted:
            served = self.client.rows(form_id, {"_id": {"$in": sorted(wanted)}})["results"]
            # Only what was asked for: an answer about other rows is no answer.
            served = [row for row in served if not isinstance(row, dict) or row.get("_id") in wanted]
            rows += served
            got = {row["_id"] for row in served if _has_id(row)} & wanted
            if not got:
                break
            wanted -= got  # a server that cuts pages is asked for the rest
        return self._read(form_id, rows, sorted(wanted))


def _has_id(row: Any) -> bool:
    return isinstance(row, dict) and is_id(row.get("_id"))


def _spans(first: int, last: int, rows: int, served: int) -> Iterator[tuple[int, int]]:
    """Ranges of keys that hold about three quarters of a page each, where keys lie evenly."""
    pieces = max(1, -(-rows * 4 // (served * 3)))
    width = max(served - 1, -(-(last - first) // pieces), 1)  # keys differ: so many can't fill a page
    for start in range(first, last, width):
        yield start, min(start + width, last)


def _sees_all_rows(asset: Mapping[str, Any], me: str) -> bool:
    """Whether the account sees every row of a form: a limited one can't tell a hidden row from a deleted one."""
    effective = asset.get("effective_permissions")
    if isinstance(effective, list):
        codes = {str(entry.get("codename")) for entry in effective if isinstance(entry, dict)}
    else:  # older servers: the assignments themselves, as URLs
        listed = asset.get("permissions")
        permissions = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        codes = {
            str(entry.get("permission", "")).partition("?")[0].rstrip("/").rpartition("/")[2]
            for entry in permissions
            if str(entry.get("user", "")).partition("?")[0].rstrip("/").endswith(f"/users/{me}")
        }
    return "view_submissions" in codes and "partial_submissions" not in codes
