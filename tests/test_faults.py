"""One bad night for each fault: what it says, what it leaves, and that the next night makes everything good."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from kobo_sync.demo_server.faults import FAULTS, Fault
from kobo_sync.digest import store_digest
from kobo_sync.errors import (
    AuthError,
    Forbidden,
    NotFoundError,
    ServerError,
    ServerUnavailable,
    UnexpectedAnswer,
)
from kobo_sync.store import Store
from tests.demo_server_fixture import LEAD
from tests.faults_fixture import PATIENT, World, central_worlds, kobo_worlds, night, villages
from tests.store_fixture import KEY
from tests.stub_server import Said, in_turn, stub


@dataclass(frozen=True)
class Bad:
    """A fault, the error it ends in (None: the pull goes through), and words of the error or of a warning."""

    fault: Fault
    error: type[ServerError] | None
    words: str = ""
    sources: tuple[str, ...] = ("kobo", "central")
    patience: float = PATIENT


ROWS = [
    Bad(Fault("refused", first=2), ServerUnavailable, "connexion refusée ou coupée"),
    Bad(Fault("stall", first=2), ServerUnavailable, "ne répond pas (trop lent)", patience=0.8),
    Bad(Fault("drip", first=2, seconds=0.05), ServerUnavailable, "réponse trop longue à venir", patience=0.8),
    Bad(Fault("endless", first=2), UnexpectedAnswer, "lecture arrêtée"),
    Bad(Fault("bomb", first=2), UnexpectedAnswer, "lecture arrêtée"),
    Bad(Fault("truncated", first=2), ServerUnavailable, "réponse interrompue"),
    Bad(Fault("401", first=2), AuthError, "Le serveur"),
    Bad(Fault("403", first=2), Forbidden, "ne permet pas cette action"),
    Bad(Fault("404", first=2), NotFoundError, "Introuvable, ou non visible"),
    Bad(Fault("429", first=2), ServerUnavailable, "429, « Request was throttled. »"),
    Bad(Fault("500", first=2), ServerUnavailable, "500, « Server error (500) »"),
    Bad(Fault("502", first=2), ServerUnavailable, "502, « 502 Bad Gateway »"),
    Bad(Fault("503", first=2), ServerUnavailable, "503, « Maintenance »"),
    Bad(Fault("504", first=2), ServerUnavailable, "504, « 504 Gateway Time-out »"),
    Bad(Fault("revoked", first=3), AuthError, "Le serveur"),
    Bad(Fault("redirect", first=2), UnexpectedAnswer, "le jeton n’y est pas envoyé"),
    Bad(Fault("redirect_loop", first=2), UnexpectedAnswer, "renvoie sans fin"),
    Bad(Fault("html", first=2), UnexpectedAnswer, "une page est arrivée au lieu de données (Connexion au portail)"),
    Bad(Fault("wrong_type", first=2), UnexpectedAnswer, "une page est arrivée au lieu de données (OK)"),
    Bad(Fault("invalid_json", first=2), UnexpectedAnswer, "coupée ou illisible"),
    Bad(Fault("nested", first=2), UnexpectedAnswer, "coupée ou illisible"),
    Bad(Fault("wrong_count", amount=5), None, "annonce plus de fiches"),
    Bad(Fault("wrong_count", amount=-3), None),
    Bad(Fault("changing"), None),
    Bad(Fault("duplicate"), None),
    Bad(Fault("root_missing"), None, sources=("kobo",)),
    Bad(Fault("root_shared"), None, sources=("kobo",)),
    Bad(Fault("partial", first=3), None, sources=("kobo",)),
    Bad(Fault("partial", path=""), None, "ne voit pas toutes les fiches", sources=("kobo",)),
    Bad(Fault("cut_at_100", amount=1), None),
    Bad(Fault("endless_list", path="/data/.*fields="), UnexpectedAnswer, "ne finit pas", sources=("kobo",)),
    Bad(Fault("clock_skew", seconds=-86_400), None),
]


def name(bad: Bad) -> str:
    more = {"wrong_count": f"{bad.fault.amount:+}", "partial": f"-{bad.fault.first}"}
    return bad.fault.name + more.get(bad.fault.name, "")


SERVERS: dict[str, Callable[[Path], AbstractContextManager[Callable[[], World]]]] = {
    "kobo": kobo_worlds,
    "central": central_worlds,
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Callable[[], World]]]:
    """A running server of each kind."""
    with ExitStack() as running:
        yield {kind: running.enter_context(made(tmp_path_factory.mktemp(kind))) for kind, made in SERVERS.items()}


@pytest.fixture(params=[*SERVERS])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(kind: str, servers: dict[str, Callable[[], World]]) -> Iterator[World]:
    """A form with six rows."""
    made = servers[kind]()
    for n in range(6):
        made.add(f"v{n}")
    yield made
    made.board.lift()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """The store that suffers, and the one that never meets a fault."""
    with Store.open(tmp_path / "a.db", KEY) as suffering, Store.open(tmp_path / "b.db", KEY) as calm:
        yield suffering, calm


def happenings(world: World) -> None:
    """What people do between two nights."""
    world.edit("v0", "v0-corrigé")
    world.delete("v1")
    world.review("v2")
    world.add("v6")


NIGHTS = [
    pytest.param(kind, bad, first, id=f"{kind}-{name(bad)}-{'first' if first else 'later'}")
    for kind in SERVERS
    for bad in ROWS
    for first in (True, False)
    if kind in bad.sources and not (first and bad.patience < PATIENT)  # one of those that take their time is enough
]


@pytest.mark.parametrize(("kind", "bad", "first_night"), NIGHTS)
def test_a_bad_night(world: World, stores: tuple[Store, Store], bad: Bad, first_night: bool) -> None:
    suffering, calm = stores
    before = set()
    if not first_night:
        night(world, suffering)
        night(world, calm)
        before = villages(suffering)
        happenings(world)

    world.board.set(bad.fault)
    said = ""
    if bad.error is None:
        said = "\n".join(night(world, suffering, patience=bad.patience).warnings)
    else:
        with pytest.raises(bad.error) as caught:
            night(world, suffering, patience=bad.patience)
        assert type(caught.value) is bad.error and caught.value.remedy
        said = str(caught.value)
    assert world.board.hits, "the fault was met"
    assert bad.words in said
    assert villages(suffering, deleted=True) <= {"v1"}, "nothing is called deleted that is not"
    assert before <= villages(suffering) | {"v0", "v1"}, "what was received before is kept"

    world.board.lift()
    night(world, suffering)
    night(world, calm)
    assert villages(calm) == ({f"v{n}" for n in range(6)} if first_night else EXPECTED)
    assert store_digest(suffering) == store_digest(calm)
    assert LEAD.token not in said


EXPECTED = {"v0-corrigé", "v2", "v3", "v4", "v5", "v6"}


@pytest.mark.parametrize(
    "passing", ["refused", "stall", "truncated", "429", "500", "502", "503", "504", "invalid_json"]
)
def test_a_fault_that_passes_is_waited_for(world: World, stores: tuple[Store, Store], passing: str) -> None:
    suffering, calm = stores
    night(world, calm)
    waits: list[float] = []
    world.board.set(Fault(passing, first=2, last=3, seconds=7))
    night(world, suffering, retries=2, waits=waits, patience=0.8 if passing == "stall" else PATIENT)
    # Two requests that are under way together each wait their first time.
    assert waits in ([[7.0, 7.0]] if passing == "429" else [[1.0, 2.0], [1.0, 1.0]])
    assert store_digest(suffering) == store_digest(calm)


def test_rows_that_come_and_go_while_the_list_is_read(world: World, stores: tuple[Store, Store]) -> None:
    suffering, calm = stores
    night(world, suffering)
    night(world, calm)
    changes = iter(
        [
            lambda: world.delete("v5"),  # on a page not yet read
            lambda: world.delete("v0"),  # on a page already read
            lambda: world.add("v6"),
            lambda: world.edit("v1", "v1-corrigé"),
        ]
    )
    world.board.set(Fault("changing", change=lambda: next(changes, lambda: None)()))
    night(world, suffering)
    assert next(changes, None) is None, "all of it happened"
    world.board.lift()
    night(world, suffering)
    night(world, calm)
    assert villages(suffering) == {"v1-corrigé", "v2", "v3", "v4", "v6"}
    assert store_digest(suffering) == store_digest(calm)


def test_a_redirect_takes_nothing_to_the_other_host(world: World, stores: tuple[Store, Store]) -> None:
    with stub(in_turn(Said({"count": 0, "results": []}))) as (elsewhere, heard):
        world.board.set(Fault("redirect", elsewhere=elsewhere))
        with pytest.raises(UnexpectedAnswer, match=elsewhere):
            night(world, stores[0])
    assert heard == []


def test_every_fault_has_its_night() -> None:
    assert {bad.fault.name for bad in ROWS} == set(FAULTS)


def test_the_guide_has_a_line_a_fault() -> None:
    guide = (Path(__file__).parent.parent / "docs" / "pannes.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| ([^|]+?) \| `(\w+)` \|", guide, re.MULTILINE)
    assert {name: words for words, name in lines} == FAULTS and len(lines) == len(FAULTS)
    for bad in ROWS:
        if bad.words:
            line = next(line for line in guide.splitlines() if f" | `{bad.fault.name}` | " in line)
            assert _general(bad.words) in line, bad.words


def _general(words: str) -> str:
    """The words of a message without what belongs to this test."""
    return re.sub(r" \(.*| de plus de 1 Mo|, « .*|^\d+", "", words).strip(" ,")


def test_the_command_line_of_the_demonstration_server_plays_a_fault_for_a_while(tmp_path: Path) -> None:
    address = tmp_path / "url"
    words = ["--data", str(tmp_path / "kobo.db"), "--url-file", str(address), "--user", "lead1:x:" + LEAD.token]
    fault = ["--fault", "503", "--fault-path", "/me/", "--fault-first", "2", "--fault-last", "3"]
    with subprocess.Popen([sys.executable, "-m", "kobo_sync.demo_server", *words, *fault]) as server:
        try:
            while not address.exists():
                assert server.poll() is None
                time.sleep(0.05)
            base = address.read_text(encoding="utf-8").strip()
            headers = {"Authorization": f"Token {LEAD.token}"}
            answers = [requests.get(f"{base}/me/", headers=headers, timeout=30).status_code for _ in range(4)]
        finally:
            server.terminate()
    assert answers == [200, 503, 503, 200]
