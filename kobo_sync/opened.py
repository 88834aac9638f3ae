"""The store of a configuration, opened with its key and held by one process when it is to be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from kobo_sync.config import Config
from kobo_sync.keys import Keys, load_keys
from kobo_sync.lock import hold_lock
from kobo_sync.store import Store


@contextmanager
def opened_store(config: Config, *, write: bool = True) -> Iterator[tuple[Store, Keys]]:
    """The store and its keys. With `write`, no other process may be at work on it.

    Raises StoreKeyError, StoreError, LockHeld.
    """
    keys = load_keys(config)
    with ExitStack() as stack:
        if write:
            stack.enter_context(hold_lock(config.lock_path))
        yield stack.enter_context(Store.open(config.store_path, keys.store)), keys
