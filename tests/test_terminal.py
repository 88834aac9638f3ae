"""What a server says is shown, and obeyed by no terminal."""

from __future__ import annotations

import pytest

from kobo_sync.case_words import plain
from kobo_sync.terminal import terminal_text

HOSTILE = "\x1bc\x9b2J\x07\x00\u202eelif\u2066\u200f\ufeff\ud800\U000e0041\u061c\r"
"""Clears the screen, rings, turns the line round, hides words, and is no text."""


@pytest.mark.parametrize("clean", [terminal_text, plain])
def test_nothing_that_a_terminal_obeys_is_left(clean):
    shown = clean(f"avant{HOSTILE}après")
    assert shown.isprintable() and shown.startswith("avant") and shown.endswith("après")


def test_french_text_and_its_lines_stay_as_they_are():
    text = "« Ne pas\u00a0perdre\u202f! » — l’été ;\n  • œuvre — ß ñ 文 أ"
    assert terminal_text(text) == text
