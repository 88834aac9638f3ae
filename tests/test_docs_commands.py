"""A command or an option that the page on backups tells to type exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from kobo_sync.backup_copy import SCHEMA_COPY_DAYS
from kobo_sync.cli import app
from kobo_sync.config_backup import KeepConfig

PAGE = (Path(__file__).parent.parent / "docs" / "sauvegardes.md").read_text(encoding="utf-8")
LINES = sorted(set(re.findall(r"^ *(kobo-sync [^\n#`]+)|`(kobo-sync [^`\n]+)`", PAGE, re.MULTILINE)))


@pytest.mark.parametrize("line", ["".join(pair).strip() for pair in LINES])
def test_what_the_page_tells_to_type_is_understood(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = line.split()[1:]
    while hasattr(command, "commands") and words:
        assert words[0] in command.commands or words[0] == "doctor", line
        if words[0] not in command.commands:
            return
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known, line


def test_the_numbers_on_the_page_are_those_of_the_program() -> None:
    keep = KeepConfig()
    assert f"{{daily: {keep.daily}, weekly: {keep.weekly}, monthly: {keep.monthly}}}" in PAGE
    assert SCHEMA_COPY_DAYS == 30 and "gardées trente jours" in PAGE
    for option in ("--replace", "--without-erasures", "--to", "--recovery"):
        assert option in PAGE
