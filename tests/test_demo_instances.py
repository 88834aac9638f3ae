"""The demonstration's cases: what is promised of them, where they come from, and that a server takes them all."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from kobo_sync import forms
from kobo_sync.config import load_config
from kobo_sync.demo import accounts, instances, people, phones
from kobo_sync.demo import plan as plans
from kobo_sync.demo.accounts import Account
from kobo_sync.demo.scenario.afterwards import tell
from kobo_sync.demo.scenario.facts import PROVIDERS
from kobo_sync.demo_server import User, serve
from kobo_sync.errors import UnexpectedAnswer
from kobo_sync.form_names import CASE_FORMS
from tests import make_demo_instances
from transforms import places
from transforms.periods import quarter_of

ROOT = Path(__file__).parents[1]
PLAN = plans.load()
TEMPLATES = plans.read_instances()
SENT = [one for one in PLAN.submissions if one.answer == 201 and one.edit_of is None]
WHOLE = [one for one in SENT if one.form in CASE_FORMS]


def answers(file: str, question: str) -> list[str]:
    return re.findall(rf"<{question}>([^<]*)</{question}>", TEMPLATES[file])


def tagged(tag: str) -> list[plans.Submission]:
    return [one for one in PLAN.submissions if tag in one.tags]


# -- plan and zip ---------------------------------------------------------------------------------------------


def test_the_plan_and_the_zip_hold_the_same_files() -> None:
    assert sorted(TEMPLATES) == sorted(one.file for one in PLAN.submissions)
    assert {action.file for action in PLAN.actions} <= set(TEMPLATES)
    edits = {one.file for one in PLAN.submissions if one.edit_of}
    assert edits == {action.file for action in PLAN.actions if action.kind == "edit"}
    assert len({one.code for one in WHOLE}) == len(WHOLE)


def test_each_victim_row_has_its_person_and_a_name_exactly_where_the_plan_says() -> None:
    for one in PLAN.submissions:
        if one.answer != 201:
            continue
        rows = re.findall(r"<victime>.*?</victime>", TEMPLATES[one.file], re.S)
        assert len(rows) == len(one.persons), one.file
        for number, (row, person) in enumerate(zip(rows, one.persons, strict=True), 1):
            asked = re.search(r"<v_prenom>([^<]*)</v_prenom>", row)
            wanted = None if person.variant is None else f"{{{{given_{number}}}}}"
            assert (asked and asked[1]) == wanted, one.file


def test_an_instance_holds_only_the_marks_that_sending_fills() -> None:
    common = {"uid", "version", "formhub_uuid", "version_uid", "form_release", "instance_id"}
    for one in PLAN.submissions:
        marks = set(re.findall(r"\{\{(\w+)\}\}", TEMPLATES[one.file]))
        edit = {"deprecated_id", "root_uuid"} if one.edit_of else set()
        names = {mark for mark in marks if re.fullmatch(r"(given|family)_\d+", mark)}
        known = common | ({"code", "code_montre", "tirage", "tirage_n"} if one.form in CASE_FORMS else set())
        if one.answer == 201:
            assert marks - names == known | edit, one.file
            ElementTree.fromstring(TEMPLATES[one.file])


# -- what is promised -----------------------------------------------------------------------------------------


def test_at_least_300_events_over_two_semesters_in_eight_regions() -> None:
    assert len({one.event for one in WHOLE}) >= 300
    by_form = Counter(form for _, form in {(one.event, one.form) for one in WHOLE})
    assert 0.55 < by_form["traite"] / sum(by_form.values()) < 0.70
    quarters = Counter(quarter_of(day) for one in WHOLE for day in answers(one.file, "date_detection"))
    assert set(quarters) == {"2025-T3", "2025-T4", "2026-T1", "2026-T2"}
    assert min(quarters.values()) >= 60
    for form in CASE_FORMS:
        regions = {answers(one.file, "det_region")[0] for one in WHOLE if one.form == form}
        assert regions == set(places.regions())


def test_nineteen_providers_of_twenty_report_and_one_skips_a_quarter() -> None:
    reported: dict[str, set[str | None]] = defaultdict(set)
    for one in WHOLE:
        reported[PLAN.accounts[one.account]] |= {quarter_of(day) for day in answers(one.file, "date_detection")}
        assert answers(one.file, "entite") == [PLAN.accounts[one.account]]
    assert len(PLAN.accounts) == 20
    assert set(PLAN.accounts.values()) - set(reported) == set(PLAN.truth.silent) == {"GEN_TIL"}
    for provider, quarters in reported.items():
        missing = {"2025-T3", "2025-T4", "2026-T1", "2026-T2"} - quarters
        assert missing == {PLAN.truth.silent_quarters[provider]} if provider == "ONG_DIF" else not missing, provider


def test_the_providers_are_those_of_the_configuration() -> None:
    configured = {
        (one.code, one.region, one.family, one.type, one.nominative)
        for one in load_config(ROOT / "config.yaml").providers
    }
    assert {(one.code, one.region, one.family, one.type, one.nominative) for one in PROVIDERS} == configured


@pytest.mark.parametrize(
    ("tag", "least"),
    [
        ("personnes_multiples", 80), ("meme_evenement", 20), ("personne_revue", 10), ("fratrie", 15), ("homonymes", 6),
        ("nouvel_episode", 4), ("camion_double", 16), ("comptes_differents", 1), ("nombres_seuls", 3),
        ("accord_refused", 2), ("accord_no_share", 1), ("accord_mandate", 1), ("non_nominatif", 40), ("deces", 4),
        ("mauvais_formulaire", 3), ("a_verifier", 4), ("les_deux", 4), ("aucun", 5), ("sans_date", 9), ("retard", 30),
        ("situation_propre", 3), ("non_victime", 1), ("texte_hostile", 9), ("correction", 10), ("second_jour", 5),
    ],
)  # fmt: skip
def test_each_special_case_is_there(tag: str, least: int) -> None:
    assert len(tagged(tag)) >= least


def test_the_form_itself_finds_the_wrong_forms_and_each_classification() -> None:
    found = {form: {one.classification for one in WHOLE if one.form == form} for form in CASE_FORMS}
    for form in CASE_FORMS:
        assert found[form] == {"les_deux", "traite_presumee", "trafic_illicite", "a_verifier", "aucun"}
    wrong = Counter((one.form, one.classification) for one in tagged("mauvais_formulaire"))
    assert wrong["traite", "trafic_illicite"] >= 2
    assert wrong["trafic", "traite_presumee"] >= 1


def test_seventy_persons_are_reported_by_several_providers_in_every_spelling() -> None:
    seen: dict[str, list[tuple[str, int | None]]] = defaultdict(list)
    for one in WHOLE:
        for person in one.persons:
            seen[person.key].append((one.account, person.variant))
    shared = {
        key for key, told in seen.items() if len({account for account, variant in told if variant is not None}) > 1
    }
    assert 60 <= len(shared) <= 90
    assert any(len(seen[key]) == 3 for key in shared)
    assert {variant for told in seen.values() for _, variant in told} >= {*range(people.VARIANTS), None}


def test_trucks_are_told_twice_at_the_same_place_and_some_counts_differ() -> None:
    assert len(PLAN.truth.trucks) >= 4
    differing = 0
    for files in PLAN.truth.trucks:
        first, second = (PLAN.by_file[file] for file in files)
        assert first.event == second.event
        assert first.account != second.account
        assert answers(first.file, "det_commune") == answers(second.file, "det_commune") != []
        differing += answers(first.file, "total_migrants") != answers(second.file, "total_migrants")
    assert 1 <= differing < len(PLAN.truth.trucks)


def test_perpetrators_stand_at_every_stage() -> None:
    stages = {stage for one in WHOLE for question in ("a_stade", "s_stade") for stage in answers(one.file, question)}
    assert stages == {"suspected", "arrested", "prosecuted", "convicted", "acquitted", "dismissed", "unk"}


def test_hostile_texts_came_through_the_engine_whole() -> None:
    texts = [text for one in tagged("texte_hostile") for text in answers(one.file, "org_nom")]
    whole = " ".join(texts)
    for mark in (
        "=HYPERLINK(",
        "\ufeff+cmd|",
        "\u202e",
        "\u2028",
        "👨‍👩‍👧‍👦",
        "&lt;script&gt;",
        "DROP TABLE",
    ):
        assert mark in whole


# -- names ----------------------------------------------------------------------------------------------------


def committed() -> Iterator[tuple[str, bytes]]:
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
        names = listed.split("\0")
    else:  # an unpacked archive: all that is not made or installed
        rooms = ("xlsforms", "kobo_sync", "transforms", "reports", "tests")
        names = [str(path.relative_to(ROOT)) for room in rooms for path in (ROOT / room).rglob("*.*")]
    for name in filter(None, names):
        path = ROOT / name
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield name, content
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                yield from ((f"{name}:{inner}", archive.read(inner)) for inner in archive.namelist())


def test_no_committed_file_holds_a_canary() -> None:
    canaries = {canary.lower() for canary in people.canaries(PLAN.seed)}
    for name, content in committed():
        words = {word.lower() for word in re.findall(r"[A-Za-z]{6,}", content.decode("utf-8", "ignore"))}
        assert not words & canaries, name


def test_canaries_cover_every_family_name_that_is_sent() -> None:
    canaries = set(people.canaries(PLAN.seed))
    for one in WHOLE:
        for person in one.persons:
            if person.variant not in (None, 6):  # 6: the family name is missing
                name = people.name(person.key, person.variant or 0, PLAN.seed)
                assert any(part.lstrip("@") in canaries for part in name)


def test_names_follow_the_key() -> None:
    sister, brother = people.name("F.NER.0001.H007", 0, 1), people.name("M.NER.0002.H007", 0, 1)
    assert sister[1] == brother[1]
    assert people.name("F.NER.0400.N0001", 0, 1) == people.name("F.NER.0001", 0, 1)
    given, family = people.name("F.NER.0001", 0, 1)
    assert people.name("F.NER.0001", 4, 1) == (family, given)
    written = {people.name("F.NER.0001", variant, 1) for variant in range(people.VARIANTS)}
    assert len(written) == people.VARIANTS
    with pytest.raises(ValueError, match="variant"):
        people.name("F.NER.0001", people.VARIANTS, 1)


# -- the true source ------------------------------------------------------------------------------------------


def test_the_live_engine_makes_the_committed_instances_again(tmp_path: Path) -> None:
    story = tell(PLAN.seed)
    cases = [case for case in story.scenario.cases if case.file.startswith("tra")]
    chosen = [*Random("dix cas").sample(cases, 8), *story.edits[:1]]
    chosen.append(next(case for case in cases if "sans_date" in case.tags))  # ages from the phone's clock
    compiled = make_demo_instances.compile_forms(tmp_path)
    for case in chosen:
        xml, classification = make_demo_instances.fill(case, compiled[case.form])
        assert xml == TEMPLATES[case.file], f"{case.file}: run `make demo-instances` after changing a form"
        assert classification == PLAN.by_file[case.file].classification


def test_an_answer_that_the_form_refuses_stops_the_script(tmp_path: Path) -> None:
    cases = tell(PLAN.seed).scenario.cases
    case = next(case for case in cases if case.form == "traite" and case.answers["date_connue"] == "oui")
    compiled = make_demo_instances.compile_forms(tmp_path)
    spoilt = (
        {"date_detection": "2999-01-01"}, {"portee": "galactic"}, {"date_connue": "non"}, {"date_detection": ""},
    )  # fmt: skip
    for change in spoilt:
        with pytest.raises(make_demo_instances.Refused):
            make_demo_instances.fill(replace(case, answers=case.answers | change), compiled["traite"])
    with pytest.raises(make_demo_instances.Refused, match="classified"):
        make_demo_instances.fill(replace(case, expect="aucun"), compiled["traite"])


# -- on a server ----------------------------------------------------------------------------------------------


@dataclass
class Server:
    base: str
    uids: dict[str, str]
    accounts: dict[str, Account]

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Token {self.accounts['proprietaire'].token}"}
        return requests.request(method, f"{self.base}{path}", headers=headers, timeout=30, **more)

    def rows(self, form: str) -> dict[str, dict[str, Any]]:
        """Rows of the server by the file that first brought them."""
        files = {PLAN.instance_id(one.file): one.file for one in PLAN.submissions}
        answer = self.ask("GET", f"/api/v2/assets/{self.uids[form]}/data/?format=json&limit=1000").json()
        assert answer["next"] is None
        return {files[row["meta/rootUuid"]]: row for row in answer["results"]}

    def send(self, day: int) -> phones.Counts:
        play = phones.send_first_day if day == 1 else phones.send_second_day
        return play(self.base, self.uids, self.accounts["proprietaire"].token, PLAN, accounts=self.accounts)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    drawn = accounts.draw([*accounts.names(PLAN), "proprietaire"])
    users = [User(one.name, one.password, one.token) for one in drawn.values()]
    with serve(tmp_path / "server.db", users=users) as base:
        ready = Server(base, {}, drawn)
        for form in forms.FORMS:
            upload = {"file": forms.xlsx_path(form).read_bytes()}
            task = ready.ask("POST", "/api/v2/imports/", data={"name": form, "library": "false"}, files=upload)
            done = ready.ask("GET", task.json()["url"].removeprefix(base)).json()
            ready.uids[form] = done["messages"]["created"][0]["uid"]
            path = f"/api/v2/assets/{ready.uids[form]}/deployment/"
            assert ready.ask("POST", path, json={"active": True}).status_code == 200
        accounts.grant(base, ready.uids, drawn["proprietaire"].token, PLAN)
        yield ready


def test_a_server_takes_every_instance_and_shows_what_the_plan_says(server: Server) -> None:
    steps: list[tuple[int, int]] = []
    counts = phones.send_first_day(
        server.base, server.uids, server.accounts["proprietaire"].token, PLAN,
        lambda done, total: steps.append((done, total)), accounts=server.accounts,
    )  # fmt: skip
    planned = Counter(action.kind for action in PLAN.actions if action.day == 1)
    assert counts.sent == sum(one.day == 1 and one.answer == 201 and one.edit_of is None for one in PLAN.submissions)
    assert (counts.refused, counts.sent_again, counts.edited) == (1, planned["resend"], planned["edit"])
    assert (counts.edited_in_bulk, counts.deleted) == (planned["bulk_edit"], planned["delete"])
    assert counts.statuses == planned["status"]
    assert steps[-1] == (len(steps), len(steps))

    rows = {file: row for form in forms.FORMS for file, row in server.rows(form).items()}
    assert len(rows) == counts.sent - counts.deleted
    edited = {action.file for action in PLAN.actions if action.day == 1 and action.kind == "edit"}
    for file, row in rows.items():
        one = PLAN.by_file[file]
        assert row["_submission_time"] == one.submission_time
        assert row["_submitted_by"] == one.account
        assert row.get("code_evenement", "") == one.code
    for file in edited:
        row = rows[PLAN.root_file(file)]
        assert f"uuid:{row['_uuid']}" == PLAN.instance_id(file)
    for action in PLAN.actions:
        if action.day == 1 and action.kind == "status":
            assert (
                rows[PLAN.root_file(action.file)]["_validation_status"]["uid"] == f"validation_status_{action.status}"
            )
        if action.day == 1 and action.kind == "bulk_edit":
            for path, text in action.values.items():
                assert text in str(rows[action.file]), path
    _names_arrived(rows)


def _names_arrived(rows: dict[str, dict[str, Any]]) -> None:
    for file, row in rows.items():
        victims = row.get("victime", [])
        for victim, person in zip(victims, PLAN.by_file[file].persons, strict=False):
            written = (
                victim.get("victime/g_v_nom/v_prenom", ""),
                victim.get("victime/g_v_nom/v_nom", ""),
            )
            assert written == (
                ("", "") if person.variant is None else people.name(person.key, person.variant, PLAN.seed)
            ), file


def test_the_second_day_changes_only_what_it_says(server: Server) -> None:
    server.send(1)
    before = {**server.rows("traite"), **server.rows("trafic")}
    counts = server.send(2)
    after = {**server.rows("traite"), **server.rows("trafic")}
    assert counts.sent == 5
    assert set(after) - set(before) == {one.file for one in PLAN.submissions if one.day == 2 and one.edit_of is None}
    today = [action for action in PLAN.actions if action.day == 2]
    gone = {action.file for action in today if action.kind == "delete"}
    back = {action.file for action in today if action.kind == "resend" and action.answer == 201}
    assert set(before) - set(after) == gone - back
    assert back
    for file in back:  # the same instance, under another number
        assert after[file]["_uuid"] == before[file]["_uuid"]
        assert after[file]["_id"] > before[file]["_id"]
    touched = {PLAN.root_file(action.file) for action in today if action.kind in ("edit", "status")} | gone
    same = set(before) - touched
    assert {file: after[file] for file in same} == {file: before[file] for file in same}
    mended = next(iter(file for file, question in PLAN.truth.quarantined.items() if question == "date_detection"))
    assert before[mended]["g_detection/date_detection"] == "pas une date"
    assert after[mended]["g_detection/date_detection"] in ("".join(answers(mended, "date_detection")),)


def test_an_answer_that_was_not_planned_stops_the_sending_without_a_name(server: Server) -> None:
    plan = replace(PLAN, submissions=tuple(replace(one, answer=202) for one in PLAN.submissions if one.day == 1)[:3])
    owner = server.accounts["proprietaire"].token
    with pytest.raises(UnexpectedAnswer, match="répond 201") as caught:
        phones.send_first_day(server.base, server.uids, owner, plan, accounts=server.accounts)
    assert not [canary for canary in people.canaries(PLAN.seed) if canary in str(caught.value)]


def test_the_secrets_of_an_account_stay_out_of_its_text() -> None:
    account = accounts.draw(["a"])["a"]
    assert account.password not in repr(account)
    assert account.token not in repr(account)
    assert accounts.draw(["a"])["a"].token != account.token


def test_a_blank_form_without_its_marks_is_refused_by_name() -> None:
    xform = (
        '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"><h:head><model>'
        '<instance><aX id="aX" version="3"/></instance><bind nodeset="/aX/__version__" calculate="\'v1\'"/>'
        "</model></h:head></h:html>"
    )
    with pytest.raises(Exception, match="form_release, formhub_uuid"):
        instances.read_blank(xform)
