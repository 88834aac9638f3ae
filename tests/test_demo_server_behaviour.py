"""What the recordings do not show of the demo server, and the documented facts about a Kobo server do."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kobo_sync.demo_server import serve
from kobo_sync.demo_server.query import UnsupportedQuery, id_condition, matches
from tests.demo_server_fixture import LEAD, NORTH, USERS, Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with serve(tmp_path / "server.db", users=USERS) as base:
        yield Project.deployed(base)


def test_an_edit_keeps_the_status_and_the_number(project: Project) -> None:
    first, second = project.add(village="Alpha"), str(uuid.uuid4())
    (before,) = project.rows()
    one = f"{project.path}data/{before['_id']}/validation_status/"
    project.ask("PATCH", one, json={"validation_status.uid": "validation_status_approved"})
    assert project.send(project.xml(second, replaces=first, village="Beta"), LEAD).status_code == 201
    (after,) = project.rows()
    assert after["_id"] == before["_id"] and after["_submission_time"] == before["_submission_time"]
    assert after["_uuid"] == second and after["meta/rootUuid"] == f"uuid:{first}"
    assert after["_validation_status"]["label"] == "Approved"


def test_a_status_is_shown_only_where_it_is_asked_for(project: Project) -> None:
    project.add(village="Alpha")
    body = {"payload": {"confirm": True, "validation_status.uid": "validation_status_on_hold"}}
    assert project.ask("PATCH", f"{project.path}data/validation_statuses/", json=body).status_code == 200
    assert project.rows(fields=["_id"])[0]["_validation_status"] == {}
    assert project.rows(fields=["_id", "_validation_status"])[0]["_validation_status"]["label"] == "On Hold"


def test_an_edit_that_leaves_a_photo_out_takes_it_from_the_list(project: Project) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    assert project.send(project.xml(first, photo="a.png"), a__png=b"one").status_code == 201
    assert len(project.rows()[0]["_attachments"]) == 1
    project.send(project.xml(second, replaces=first, village="Alpha"), LEAD)
    assert project.rows()[0]["_attachments"] == []


def test_another_file_under_the_same_name_is_refused(project: Project) -> None:
    text = project.xml(str(uuid.uuid4()), photo="a.png")
    assert project.send(text, a__png=b"one").status_code == 201
    assert project.send(text, a__png=b"two").status_code == 409


def test_a_file_inside_a_repeat_is_found_by_its_numbered_path(project: Project) -> None:
    instance = str(uuid.uuid4())
    members = "<age>3</age></member><member><portrait>p.png</portrait>"
    assert project.send(project.xml(instance, member=members), p__png=b"face").status_code == 201
    (row,) = project.rows()
    assert row["member"] == [{"member/age": "3"}, {"member/portrait": "p.png"}]
    assert row["_attachments"][0]["question_xpath"] == "member[2]/portrait"
    path = f"{project.path}data/{row['_id']}/attachments/?xpath=member[2]/portrait"
    assert project.ask("GET", path).content == b"face"


def test_an_archived_form_takes_nothing_and_still_shows_its_data(project: Project) -> None:
    project.add(village="Alpha")
    assert project.ask("PATCH", f"{project.path}deployment/", json={"active": False}).status_code == 200
    answer = project.send(project.xml(str(uuid.uuid4()), village="Beta"))
    assert answer.status_code == 405 and "Form is not active" in answer.text
    assert project.uid not in project.ask("GET", "/formList").text
    assert len(project.rows()) == 1


def test_a_row_limited_reviewer_acts_inside_the_limit_only(project: Project) -> None:
    rule = [{"region": "north"}]
    project.allow(NORTH, "partial_submissions", {"validate_submissions": rule, "change_submissions": rule})
    inside, outside = project.add(region="north"), project.add(region="south")
    assert [row["_uuid"] for row in project.rows(NORTH)] == [inside]
    numbers = {row["_uuid"]: row["_id"] for row in project.rows()}
    approve = {"validation_status.uid": "validation_status_approved"}
    one = f"{project.path}data/{{}}/validation_status/"
    assert project.ask("PATCH", one.format(numbers[inside]), NORTH, json=approve).status_code == 200
    assert project.ask("PATCH", one.format(numbers[outside]), NORTH, json=approve).status_code == 404
    both = {"payload": {"submission_ids": list(numbers.values()), **approve}}
    assert project.ask("PATCH", f"{project.path}data/validation_statuses/", NORTH, json=both).status_code == 403
    edit = {"village": "Alpha"}
    for number, status in ((numbers[outside], 403), (numbers[inside], 200)):
        body = {"payload": {"submission_ids": [number], "data": edit}}
        assert project.ask("PATCH", f"{project.path}data/bulk/", NORTH, json=body).status_code == status


def test_taking_the_view_away_takes_all_that_needs_it(project: Project) -> None:
    project.allow(NORTH, "change_submissions")

    def held() -> dict[str, str]:
        listed = project.ask("GET", f"{project.path}permission-assignments/").json()
        return {r["permission"].split("/")[-2]: r["url"] for r in listed if r["user"].endswith(f"/{NORTH.name}/")}

    mine = held()
    assert set(mine) == {"add_submissions", "change_submissions", "view_asset", "view_submissions"}
    assert project.ask("DELETE", mine["view_submissions"].removeprefix(project.base)).status_code == 204
    assert set(held()) == {"add_submissions", "view_asset"}
    assert project.ask("GET", f"{project.path}data/", NORTH).status_code == 404


def test_reviews_are_in_the_history_with_their_status(project: Project) -> None:
    instance = project.add(village="Alpha")
    (row,) = project.rows()
    one = f"{project.path}data/{row['_id']}/validation_status/"
    project.ask("PATCH", one, json={"validation_status.uid": "validation_status_approved"})
    q = "action:modify-submission AND date_created__gt:2020-01-01"
    (line,) = project.ask("GET", f"{project.path}history/", params={"q": q}).json()["results"]
    assert line["metadata"]["submission"] == {"root_uuid": instance, "submitted_by": "phone1", "status": "Approved"}
    later = project.ask("GET", f"{project.path}history/", params={"q": "date_created__gt:9000"}).json()
    assert later["count"] == 0


def test_an_address_without_its_last_slash_is_redirected(project: Project) -> None:
    answer = project.ask("GET", f"{project.path}data?limit=1")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"{project.base}{project.path}data/?limit=1"


def test_bulk_edit_reaches_the_second_item_of_a_repeat_and_unknown_questions(project: Project) -> None:
    project.add(member="<age>3</age></member><member><age>4</age>")
    (row,) = project.rows()
    body = {"payload": {"submission_ids": [row["_id"]], "data": {"member[2]/age": "9", "unheard_of": "x"}}}
    assert project.ask("PATCH", f"{project.path}data/bulk/", json=body).json()["successes"] == 1
    (after,) = project.rows()
    assert after["member"] == [{"member/age": "3"}, {"member/age": "9"}]
    assert after["unheard_of"] == "x" and after["_uuid"] != row["_uuid"]


DOCUMENT = {
    "_id": 7,
    "g/size": "4",
    "name": "Amina",
    "g/m": [{"g/m/age": "3"}, {"g/m/age": "9"}],
    "_validation_status": {"uid": "approved"},
}


@pytest.mark.parametrize(
    ("query", "held"),
    [
        ({}, True),
        ({"g/size": "4"}, True),
        ({"g/size": 4}, False),
        ({"g/size": {"$gt": "3"}}, True),
        ({"g/size": {"$gt": 3}}, False),
        ({"_id": {"$gte": 7, "$lt": 8}}, True),
        ({"_id": {"$in": ["7"]}}, False),
        ({"absent": {"$exists": False}}, True),
        ({"absent": None}, True),
        ({"absent": {"$ne": "x"}}, True),
        ({"absent": {"$nin": ["x"]}}, True),
        ({"name": {"$regex": "^am", "$options": "i"}}, True),
        ({"name": {"$not": {"$regex": "^Am"}}}, False),
        ({"_validation_status.uid": "approved"}, True),
        ({"g/m.g/m/age": "9"}, True),
        ({"g/m": {"$elemMatch": {"g/m/age": "5"}}}, False),
        ({"$or": [{"name": "x"}, {"g/size": "4"}]}, True),
        ({"$and": [{"name": "x"}, {"g/size": "4"}]}, False),
        ({"$expr": {"$gt": [{"$ifNull": ["$absent", "$name"]}, "A"]}}, True),
        ({"name": {"$where": "1"}}, False),  # not let through: matches nothing, without an error
    ],
)
def test_a_query_holds_as_in_mongo(query: dict[str, Any], held: bool) -> None:
    assert matches(DOCUMENT, query) is held


@pytest.mark.parametrize("query", [{"name": {"$in": "x"}}, {"name": {"$regex": "("}}, {"$or": {}}])
def test_a_query_mongo_refuses_is_refused(query: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedQuery):
        matches(DOCUMENT, query)


@pytest.mark.parametrize(
    "query", [{"_id": 7}, {"_id": {"$gt": 3, "$lte": 9}}, {"_id": {"$in": [2, 7]}}, {"_id": {"$lt": 7}}, {}]
)
def test_the_short_way_by_sql_finds_what_the_long_way_finds(project: Project, query: dict[str, Any]) -> None:
    for number in range(9):
        project.add(village=f"V{number}")
    assert id_condition(query) is not None
    by_sql = {row["_id"] for row in project.rows(query=query)}
    assert by_sql == {number for number in range(1, 10) if matches({"_id": number}, query)}
