"""Stable identifiers: what a ledger says of clusters that change as records arrive, change and go.

A ledger is append-only. `replay` reads it, `reconcile` lays new clusters against it and says which rows to append.
An identifier is allocated once, to its first member (its founder), and stays with it until a merge retires it; so an
identifier that was published never comes to mean other people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LedgerRow:
    """One line, in the order in which it was written.

    allocate: subject_id is new and member_key its founder. join: member_key, new, joins subject_id.
    split: member_key leaves other_id for subject_id (which the row may introduce). merge: all members of other_id
    become members of subject_id, and other_id is retired; member_key is empty.
    """

    at: str
    action: Literal["allocate", "join", "merge", "split"]
    subject_id: str
    member_key: str
    other_id: str | None
    cause: str


@dataclass(frozen=True)
class LedgerUpdate:
    """assignment: every member of the clusters given -> its identifier. new_rows: to append, in this order."""

    assignment: dict[str, str]
    new_rows: list[LedgerRow]


@dataclass(frozen=True)
class LedgerState:
    """members: live identifier -> members, in the order in which they came to it, identifiers oldest first.

    known: every identifier that the ledger ever held, retired ones included.
    """

    members: dict[str, list[str]]
    known: frozenset[str]

    @property
    def assignment(self) -> dict[str, str]:
        """Member -> identifier, for every member the ledger ever saw, present or not."""
        return {member: subject for subject, held in self.members.items() for member in held}


def replay(rows: Iterable[LedgerRow]) -> LedgerState:
    """The state that a ledger describes. Raises ValueError where the rows contradict each other."""
    members: dict[str, list[str]] = {}
    home: dict[str, str] = {}
    known: set[str] = set()
    for row in rows:
        if row.action == "merge":
            if row.other_id not in members or row.subject_id not in members or row.other_id == row.subject_id:
                raise ValueError(f"ledger: {row.other_id} cannot be merged into {row.subject_id}")
            moved = members.pop(row.other_id)
            members[row.subject_id] += moved
            home.update(dict.fromkeys(moved, row.subject_id))
            continue
        if row.action == "split":
            if home.get(row.member_key) != row.other_id or row.other_id is None:
                raise ValueError(f"ledger: a member is split from {row.other_id}, which does not hold it")
            members[row.other_id].remove(row.member_key)
        elif row.member_key in home:
            raise ValueError(f"ledger: a member of {home[row.member_key]} is given to {row.subject_id} as new")
        fresh = row.subject_id not in known
        if (row.action == "allocate" and not fresh) or (not fresh and row.subject_id not in members):
            raise ValueError(f"ledger: {row.subject_id} is allocated twice, or used after it was retired")
        if row.action == "join" and fresh:
            raise ValueError(f"ledger: {row.subject_id} is joined before it is allocated")
        members.setdefault(row.subject_id, []).append(row.member_key)
        home[row.member_key] = row.subject_id
        known.add(row.subject_id)
    return LedgerState(members, frozenset(known))


def reconcile(
    rows: Sequence[LedgerRow], clusters: Mapping[str, str], new_id: Callable[[], str], at: str, cause: str
) -> LedgerUpdate:
    """Lay the clusters of today (member -> any key of its cluster) against the ledger.

    Of an identifier whose members are now in several clusters, the cluster of its oldest present member keeps it; the
    others' members are split off. A cluster that holds several identifiers keeps the oldest, into which the
    rest are merged. Members that the ledger knows and the clusters do not (deleted, withdrawn, on hold) keep
    their place, and follow their identifier when it is merged. Same ledger, same clusters: no new row.
    Raises ValueError if the ledger contradicts itself or new_id returns an identifier already used.
    """
    state = replay(rows)
    home = state.assignment
    age = {subject: n for n, subject in enumerate(state.members)}  # identifiers in the order of their allocation
    known = set(state.known)

    groups: dict[str, list[str]] = defaultdict(list)
    for member in sorted(clusters):
        groups[clusters[member]].append(member)
    claims: dict[str, list[str]] = defaultdict(list)  # cluster -> identifiers it keeps or merges, oldest first
    for subject, held in state.members.items():
        oldest = next((member for member in held if member in clusters), None)
        if oldest is not None:
            claims[clusters[oldest]].append(subject)

    def fresh() -> str:
        subject = new_id()
        if subject in known:
            raise ValueError(f"ledger: {subject} was already used")
        known.add(subject)
        return subject

    def by_seniority(member: str) -> tuple[int, int, str]:
        subject = home.get(member)
        return (age[subject], state.members[subject].index(member), "") if subject else (len(age), 0, member)

    assignment: dict[str, str] = {}
    moves: list[LedgerRow] = []
    merges: list[LedgerRow] = []
    # Clusters in the order of their oldest member, so that new identifiers are handed out in a settled order.
    for members in sorted((sorted(g, key=by_seniority) for g in groups.values()), key=lambda g: by_seniority(g[0])):
        owned = claims[clusters[members[0]]]
        kept = owned[0] if owned else fresh()
        for member in members:
            assignment[member] = kept
            before = home.get(member)
            if before is None:
                action: Literal["allocate", "join"] = (
                    "join" if kept in state.known or _used(moves, kept) else "allocate"
                )
                moves.append(LedgerRow(at, action, kept, member, None, cause))
            elif before not in owned:
                moves.append(LedgerRow(at, "split", kept, member, before, cause))
        merges += [LedgerRow(at, "merge", kept, "", retired, cause) for retired in owned[1:]]
    return LedgerUpdate(assignment, moves + merges)


def _used(moves: list[LedgerRow], subject: str) -> bool:
    return bool(moves) and moves[-1].subject_id == subject  # the rows of one cluster follow each other
