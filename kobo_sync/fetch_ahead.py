"""Pieces of work done by a few threads while the former result is being used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

WORKERS = 4

_T = TypeVar("_T")
_A = TypeVar("_A")


def ahead(work: Callable[[_A], _T], tasks: Iterable[_A]) -> Generator[_T, None, None]:
    """The results in the order of the tasks. So many are under way at most: memory stays bounded."""
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="pages") as pool:
        under_way: deque[Future[_T]] = deque()
        try:
            for task in tasks:
                under_way.append(pool.submit(work, task))
                if len(under_way) > WORKERS:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
