"""Withdrawals of consent, recorded for good: a person's « no » does not depend on what becomes of the follow-up.

The first rebuild in which a withdrawal matches its case records it among the decisions (kind `withdrawal`, subject
the code of the row, as `K7M4XQ2P2-V1`, value `partage` or `tout`). From then on it is applied on every night, also
when the follow-up is deleted, held back or edited, or the case is corrected. It is lifted only by a later decision of
the same kind on the same subject, noted by a person who has her word in writing: value `levee`, their name and the
reason. The follow-up already recorded does not take effect a second time after that; a new follow-up does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from transforms.consent import withdraw
from transforms.models import Mapped

KIND = "withdrawal"
_STRENGTH = {"partage": 1, "tout": 2}


@dataclass(frozen=True)
class Withdrawn:
    """One withdrawal, or the lifting of one, as recorded. `cases`: submissions in which the person was confirmed."""

    row_code: str
    value: str
    by_whom: str
    follow_up: str = ""
    cases: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """What the decision says of its origin: the key of the follow-up, then those of the cases."""
        return " ".join((self.follow_up, *self.cases))


def from_decision(subject: str, value: str, by_whom: str, reason: str) -> Withdrawn:
    """A decision read back. Of a lifting the reason is free text and names no submission."""
    if value not in _STRENGTH:
        return Withdrawn(subject, value, by_whom)
    follow_up, *cases = reason.split(" ")
    return Withdrawn(subject, value, by_whom, follow_up, tuple(cases))


def is_news(new: Withdrawn, history: Iterable[Withdrawn]) -> bool:
    """Does it take back more than what stands, and was it not recorded before?"""
    of_row = [old for old in history if old.row_code == new.row_code]
    standing = _STRENGTH.get(of_row[-1].value, 0) if of_row else 0
    same = any(old.follow_up == new.follow_up and _STRENGTH.get(old.value, 0) >= _STRENGTH[new.value] for old in of_row)
    return not same and _STRENGTH[new.value] > standing


def standing(history: Iterable[Withdrawn]) -> list[Withdrawn]:
    """The last decision on each row, where it takes something back."""
    return [last for last in {item.row_code: item for item in history}.values() if last.value in _STRENGTH]


def apply(mapped: Mapped, hold: Iterable[Withdrawn]) -> Mapped:
    """The records of a case, without what its persons took back."""
    for withdrawn in hold:
        for row_code in sorted(_meant(mapped, withdrawn)):
            mapped = withdraw(mapped, row_code, "tout" if withdrawn.value == "tout" else "partage")
    return mapped


def _meant(mapped: Mapped, withdrawn: Withdrawn) -> set[str]:
    """The row of that code in any submission; and in those where the person was confirmed, under a corrected code."""
    meant = {withdrawn.row_code}
    if mapped.event.submission_key in withdrawn.cases:
        meant.add(f"{mapped.event.case_code}-{withdrawn.row_code.rpartition('-')[2]}")
    return meant & {*(row.victim_code for row in mapped.victims), *(row.migrant_code for row in mapped.migrants)}
