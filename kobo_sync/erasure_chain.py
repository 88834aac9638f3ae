"""The erasure list as it leaves the store: each line sealed under the store's key, and chained to the one before.

The list may lie on a disk that others can write to. A forged line would empty what nobody asked to empty, and a line
taken out would bring names back: both are found. What can't be found is that the newest lines were cut off, if no
other copy, and no backup that counts them, is there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable

from kobo_sync.errors import StoreError
from kobo_sync.store import canonical

_LABEL = b"kobo-sync erasure list 1"


def sealed(store_key: bytes, lines: Iterable[dict[str, object]]) -> list[str]:
    """The lines with their seals, as JSON texts. The same lines always give the same seals."""
    key, before, found = _key(store_key), "", []
    for line in lines:
        chained = line | {"prev": before}
        before = _seal(key, chained)
        found.append(canonical(chained | {"seal": before}))
    return found


def checked(store_key: bytes, lines: Iterable[str], *, only_good: bool = False) -> list[dict[str, object]]:
    """What the lines say, in their order; copies put together may fork, but each line has one before it.

    Raises StoreError for a line that another hand wrote, or that has lost the one before it; with `only_good` such
    lines are left out.
    """
    key, good, seals, bad = _key(store_key), [], {""}, 0
    for text in lines:
        try:
            line = json.loads(text)
            seal = line.pop("seal")
            right = hmac.compare_digest(str(seal), _seal(key, line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            right = False
        if right:
            good.append(line)
            seals.add(seal)
        else:
            bad += 1
    lost = sum(line.get("prev") not in seals for line in good)
    if (bad or lost) and not only_good:
        what = f"{bad} ligne(s) n’ont pas été écrites par cette base" if bad else f"{lost} ligne(s) manquent au milieu"
        raise StoreError(
            f"La liste des effacements n’est pas intacte : {what} ; rien n’a été appliqué",
            "prenez une autre copie de effacements.jsonl (--erasures FICHIER) : sans elle, des noms effacés "
            'reviendraient ; s’il n’y en a pas, --without-erasures "raison" applique les seules lignes intactes',
        )
    return good


def _key(store_key: bytes) -> bytes:
    return hmac.digest(store_key, _LABEL, hashlib.sha256)


def _seal(key: bytes, line: dict[str, object]) -> str:
    return hmac.digest(key, canonical(line).encode(), hashlib.sha256).hex()
