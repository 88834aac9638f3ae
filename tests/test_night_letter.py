"""What the data manager is told: news with its number, then a reminder, then that all is well; never twice the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from kobo_sync.night_letter import Letter, Told, items_of, letter

NIGHT = date(2026, 11, 24)
AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
WAITING = "fiche(s) en quarantaine, à corriger dans Kobo : kobo-sync status"


def nights(*content: tuple[list[str], list[str]]) -> list[Letter | None]:
    """One night after another; each mail leaves."""
    told, letters = Told(), []
    for number, (failures, for_people) in enumerate(content):
        now, items = AT + timedelta(days=number), items_of(failures, for_people)
        due = letter(told, items, {"new": 4}, NIGHT + timedelta(days=number), now, 7)
        letters.append(due)
        told = Told(told.after(items, due is not None), now if due else told.sent_at)
    return letters


def test_more_of_the_same_is_news_and_less_is_not() -> None:
    found = nights(([], [f"2 {WAITING}"]), ([], [f"1 {WAITING}"]), ([], [f"2 {WAITING}"]), ([], [f"2 {WAITING}"]))
    assert [due is not None for due in found] == [True, False, True, False]
    assert found[0] is not None and f"2 {WAITING} [nouveau]" in found[0].text and "4 nouvelles" in found[0].text


def test_what_was_settled_is_told_once_and_is_news_when_it_comes_back() -> None:
    first, well, silent, again = nights((["a"], []), ([], []), ([], []), (["a"], []))
    assert first and well and silent is None and again
    assert well.subject == "ANLTP : la nuit du 25/11/2026 s’est bien passée, plus rien n’attend"
    assert "demande votre attention (1 problème)" in again.subject


def test_only_what_is_new_is_marked_so() -> None:
    _, second = nights((["a"], []), (["a", "b"], ["3 x"]))
    assert second is not None and "(2 problèmes, 1 point en attente)" in second.subject
    assert "- a\n" in second.text and "- b [nouveau]" in second.text and "- 3 x [nouveau]" in second.text


def test_a_mail_that_did_not_leave_told_nothing() -> None:
    items = items_of(["a"], [])
    assert letter(Told(), items, {}, NIGHT, AT, 7) == letter(
        Told.read({"told": "?", "sent_at": 3}), items, {}, NIGHT, AT, 7
    )
    assert Told({"a": 1}).after([], sent=False) == {} and Told({"a": 3}).after(items, sent=False) == {"a": 1}


def test_nothing_to_say_is_not_said() -> None:
    assert letter(Told(), [], {}, NIGHT, AT, 7) is None
