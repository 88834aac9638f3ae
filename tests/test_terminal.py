"""What a server says is shown, and obeyed by no terminal."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from kobo_sync.case_words import plain
from kobo_sync.config import load_config
from kobo_sync.rebuild import rebuild
from kobo_sync.run import RunReport
from kobo_sync.show import print_run, print_status
from kobo_sync.store import Store
from kobo_sync.terminal import terminal_text
from tests.store_fixture import KEY

HOSTILE = "\x1bc\x9b2J\x07\x00\u202eelif\u2066\u200f\ufeff\ud800\U000e0041\u061c\r"
"""Clears the screen, rings, turns the line round, hides words, and is no text."""


@pytest.mark.parametrize("clean", [terminal_text, plain])
def test_nothing_that_a_terminal_obeys_is_left(clean):
    shown = clean(f"avant{HOSTILE}après")
    assert shown.isprintable() and shown.startswith("avant") and shown.endswith("après")


def test_french_text_and_its_lines_stay_as_they_are():
    text = "« Ne pas\u00a0perdre\u202f! » — l’été ;\n  • œuvre — ß ñ 文 أ"
    assert terminal_text(text) == text


def obeyed(text: str) -> set[str]:
    """Characters, colours apart, that are more than text and its lines."""
    return {char for char in text.replace("\x1b[1m", "").replace("\x1b[0m", "") if not char.isprintable()} - {"\n"}


def test_what_a_run_tells_is_text():
    report = RunReport(problems=[f"kobo : {HOSTILE}"])
    said = io.StringIO()
    print_run(Console(file=said, width=200), report, "fr")
    assert "kobo :" in said.getvalue() and obeyed(said.getvalue()) == set()


def test_what_waits_in_quarantine_is_shown_as_text(tmp_path):
    said = io.StringIO()
    with Store.open(tmp_path / "anltp.db", KEY) as store:
        rebuild(store, load_config(Path(__file__).parent.parent / "config.yaml"), now=datetime(2026, 11, 2, tzinfo=UTC))
        store.quarantine_enter(
            submission_key=None, source="kobo", form="traite", remote_key="1", instance_uuid=None, stage="pull",
            reason_code="x", message=f"avant {HOSTILE.replace(chr(0xD800), '')}", raw_json=None, at="2026-11-02",
        )  # fmt: skip
        print_status(Console(file=said, width=200), store)
    assert "avant" in said.getvalue() and obeyed(said.getvalue()) == set()


def test_an_error_of_the_command_line_is_text(tmp_path):
    words = ["status", "--config", "a\x1bc\x9b2J\u202e.yaml"]
    done = subprocess.run(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", *words],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 2 and "fichier introuvable" in done.stderr
    assert obeyed(done.stderr) == set()
