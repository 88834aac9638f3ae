"""Forms that drift: what the system does not know is kept and told once, and never stops the night for the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kobo_sync.config import Config, load_config
from kobo_sync.drift import mark_told, news
from kobo_sync.forms import expand
from kobo_sync.rebuild import rebuild
from kobo_sync.store import Store
from tests.store_fixture import AT, KEY
from tests.test_rebuild import NOW, receive, sound

OLD, NEWER = "traite-0123456789", "traite-abcdef0123"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anltp.db", KEY) as opened:
        yield opened


@pytest.fixture
def config() -> Config:
    return load_config(Path(__file__).parent.parent / "config.yaml")


def unknown(store: Store) -> set[str]:
    return {path for (path,) in store.connection.execute("SELECT path FROM unknown_field")}


def said(store: Store) -> list[str]:
    """What a run says of it; one that is killed before it wrote this down says it again."""
    lines = news(store)
    assert news(store) == lines
    mark_told(store, AT)
    return lines


def renamed(raw: Any, changes: dict[str, str]) -> Any:
    """The answers with other paths: what a changed form sends."""
    if isinstance(raw, list):
        return [renamed(item, changes) for item in raw]
    if not isinstance(raw, dict):
        return raw
    return {changes.get(name.rpartition("/")[2], name): renamed(value, changes) for name, value in raw.items()}


def test_a_question_renamed_or_added_is_kept_recorded_and_told_once(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345"))
    assert rebuild(store, config, now=NOW).quarantined == 0
    assert unknown(store) == set() and said(store) == []
    added = {"fait/couleur_du_camion": "rouge", "Zeinabou Oumarou": "x", "fait/motif_refus": "?"}
    receive(store, 2, sound("BBBB2345") | added)
    receive(store, 3, sound("CCCC2345") | added)
    for _ in range(2):
        rebuild(store, config, now=NOW)
    assert {"couleur_du_camion", "Zeinabou Oumarou"} <= unknown(store)
    (line,) = said(store)
    assert "kobo-anltp/traite/2" in line and "d’un nom inconnu" in line
    assert "Zeinabou" not in line and "couleur" not in line, (
        "who typed the name of a question may have typed a person's"
    )
    assert said(store) == []
    rebuild(store, config, now=NOW)
    assert said(store) == [], "told once"
    kept = {item.remote_key: item.raw for item in store.current_submissions()}
    assert kept["2"]["Zeinabou Oumarou"] == "x", "nothing is dropped"


def test_a_removed_or_moved_question_does_not_stop_the_night(store: Store, config: Config) -> None:
    whole = sound("AAAA2345")
    moved = renamed(sound("BBBB2345"), {"actes": "autre_groupe/sous_groupe/actes", "moyens": "moyens"})
    removed = {name: value for name, value in sound("CCCC2345").items() if name not in ("fait/moyens", "fait/portee")}
    for number, raw in enumerate((whole, moved, removed), start=1):
        receive(store, number, raw)
    report = rebuild(store, config, now=NOW)
    assert report.quarantined == 0
    codes = store.frame("SELECT case_code FROM events").case_code.tolist()
    assert len(codes) == 3 and unknown(store) == set()
    acts = store.frame("SELECT acts FROM events").acts.tolist()
    assert len(set(acts)) == 1, "a group says nothing of what a question means"


@pytest.mark.parametrize("shape", ["repeat to group", "group to repeat"])
def test_a_repeat_that_became_a_group_or_the_reverse_costs_at_most_that_row(
    store: Store, config: Config, shape: str
) -> None:
    raw = sound("BBBB2345")
    if shape == "repeat to group":
        (first, *_) = raw.pop("victime")
        raw |= first
    else:
        group = {name: raw.pop(name) for name in list(raw) if name.startswith("declaration/")}
        raw["declaration"] = [group]
    receive(store, 1, sound("AAAA2345"))
    receive(store, 2, raw)
    report = rebuild(store, config, now=NOW)
    assert report.quarantined <= 1
    assert "AAAA2345" in " ".join(store.frame("SELECT case_code FROM events").case_code)
    assert unknown(store), "what could not be placed is recorded"
    (line,) = said(store)
    assert "kobo-anltp/traite/2" in line
    assert "BBBB2345" in str({item.remote_key: item.raw for item in store.current_submissions()}["2"])


def test_a_release_never_seen_is_told_once_and_an_older_draft_too(store: Store, config: Config) -> None:
    receive(store, 1, sound("AAAA2345") | {"form_release": NEWER})
    rebuild(store, config, now=NOW)
    assert said(store) == [], "the releases of the first night are where one starts from"
    receive(store, 2, sound("BBBB2345") | {"form_release": OLD})  # begun before the redeployment, sent after it
    receive(store, 3, sound("CCCC2345") | {"form_release": expand("traite")[1]})
    receive(store, 4, sound("DDDD2345") | {"form_release": "Zeinabou Oumarou"})
    assert rebuild(store, config, now=NOW).quarantined == 0
    lines = said(store)
    assert len(lines) == 2 and OLD in "".join(lines) and "Zeinabou" not in "".join(lines)
    rebuild(store, config, now=NOW)
    assert said(store) == []
    seen = {release for (release,) in store.connection.execute("SELECT form_release FROM release_seen")}
    assert {OLD, NEWER} <= seen


def test_a_row_in_quarantine_says_what_it_left_over(store: Store, config: Config) -> None:
    raw = renamed(sound("AAAA2345"), {"code_evenement": "numero_du_cas"})
    receive(store, 1, raw)
    receive(store, 2, sound("BBBB2345"))
    assert rebuild(store, config, now=NOW).quarantined == 1
    assert "numero_du_cas" in unknown(store)
