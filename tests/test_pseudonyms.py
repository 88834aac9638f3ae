"""A person has one pseudonym in a file and another in each file that leaves; the id can't be read from it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from transforms.pseudonyms import pseudonym, release_key

KEY = bytes(range(32))


def test_each_recipient_and_each_release_has_its_own() -> None:
    keys = [
        release_key(KEY, recipient, release) for recipient in ("ANLTP", "INS") for release in ("2026-T1", "2026-T2")
    ] + [release_key(bytes(32), "ANLTP", "2026-T1")]
    assert len({pseudonym(key, "person") for key in keys}) == len(keys)
    assert pseudonym(keys[0], "person") == pseudonym(release_key(KEY, "ANLTP", "2026-T1"), "person")


@given(st.lists(st.text(min_size=1, max_size=40), unique=True, max_size=50))
def test_persons_stay_apart_and_are_told_in_twelve_readable_characters(persons: list[str]) -> None:
    found = [pseudonym(release_key(KEY, "INS", "2026-S1"), person) for person in persons]
    assert len(set(found)) == len(persons)
    assert all(re.fullmatch("[0-9A-HJKMNP-TV-Z]{12}", each) for each in found)
