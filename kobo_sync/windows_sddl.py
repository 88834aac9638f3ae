"""Reading a Windows access list in SDDL, the notation that is the same in every language of Windows.

icacls prints « BUILTIN\\Utilisateurs » on a French machine and « BUILTIN\\Users » on an English one; SDDL writes `BU`
on both. No Windows is needed to read it.
"""

from __future__ import annotations

import re

_OURS = {"SY", "S-1-5-18", "BA", "S-1-5-32-544", "OW", "S-1-3-4", "CO", "S-1-3-0"}
"""The system, its administrators (who can read all anyway), and the owner, whoever it is."""

_SIDS = {
    "WD": "S-1-1-0",
    "BU": "S-1-5-32-545",
    "AU": "S-1-5-11",
    "IU": "S-1-5-4",
    "NU": "S-1-5-2",
    "AN": "S-1-5-7",
    "BG": "S-1-5-32-546",
    "PU": "S-1-5-32-547",
    "BO": "S-1-5-32-551",
    "AC": "S-1-15-2-1",
}

_RIGHTS = {
    "GA": 0x10000000, "GR": 0x80000000, "FA": 0x1F01FF, "FR": 0x120089, "WD": 0x40000, "WO": 0x80000,
    "CC": 0x1, "FX": 0x1200A0, "FW": 0x120116, "GW": 0x40000000, "GX": 0x20000000, "RC": 0x20000, "SD": 0x10000,
    "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
}  # fmt: skip

_READS = 0x1 | 0x10000000 | 0x80000000 | 0x40000 | 0x80000
"""Reading the content, or giving oneself the right to."""

_ENTRY = re.compile(r"\(([^;()]*);([^;()]*);([^;()]*);[^;()]*;[^;()]*;([^;()]*)[;)]")


def readers(sddl: str, user: str) -> list[str]:
    """SIDs, others than `user`, the system and its administrators, to whom the list lets read the file.

    A list that is absent, or can't be read, lets everybody in: that is what Windows makes of an absent one.
    """
    part = re.search(r"D:(.*?)(?=S:|$)", sddl, re.DOTALL)
    if part is None or "NO_ACCESS_CONTROL" in part.group(1):
        return ["S-1-1-0"]
    found = []
    for kind, flags, rights, trustee in _ENTRY.findall(part.group(1)):
        if kind not in ("A", "OA", "XA") or "IO" in re.findall("..", flags):  # IO: for what lies below, not for itself
            continue
        if trustee in _OURS or trustee == user:
            continue
        if _mask(rights) & _READS:
            found.append(_SIDS.get(trustee, trustee))
    return found


def private(user: str) -> str:
    """The list that keeps a file to a user, the system and its administrators; nothing comes from the folder."""
    return f"D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{user})"


def _mask(rights: str) -> int:
    if rights.lower().startswith("0x"):
        return int(rights, 16)
    mask = 0
    for right in re.findall("..", rights):
        mask |= _RIGHTS.get(right, 0xFFFFFFFF)
    return mask
