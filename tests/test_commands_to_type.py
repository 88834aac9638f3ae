"""A command that the program tells to type can be typed as it stands: its obligatory options are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kobo_sync

OBLIGATORY = {
    "decide": ("--by", "--reason"),
    "restore": ("--identity",),
    "recovery check": ("--identity",),
    "recovery open": ("--identity",),
}
SOURCES = [path for path in Path(kobo_sync.__file__).parent.glob("*.py") if not path.name.startswith("test_")]


@pytest.mark.parametrize("command", OBLIGATORY)
def test_a_command_told_with_its_arguments_has_its_options_too(command: str) -> None:
    found = 0
    for path in SOURCES:
        text = re.sub(r"[\"']\n\s*f?[\"']", "", path.read_text(encoding="utf-8"))  # a text cut over two lines
        for told in re.findall(rf"kobo-sync {command} (?:[A-Z]+\b|{{)[^\n]*", text):
            found += 1
            assert all(option in told for option in OBLIGATORY[command]), f"{path.name}: {told}"
    assert found
