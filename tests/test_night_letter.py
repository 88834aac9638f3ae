"""What the data manager is told: news with its number, then a reminder, then that all is well; never twice the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from kobo_sync.health import Failure, Notice
from kobo_sync.night_letter import Item, Letter, Told, items_of, letter

NIGHT = date(2026, 11, 24)
AT = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
WAITING = "fiche(s) en quarantaine, à corriger dans Kobo : kobo-sync status"


def items(failing: list[str], waiting: list[str], *once: str) -> list[Item]:
    """Sources that refuse the token, what their pulls warn of, and what is said once."""
    notices = [Notice.of("kobo2", words) for words in waiting] + [Notice(line, line, once=True) for line in once]
    return items_of([Failure(source, "AuthError") for source in failing], notices)


def nights(*content: tuple[list[str], list[str]] | tuple[list[str], list[str], str]) -> list[Letter | None]:
    """One night after another; each mail leaves."""
    told, letters = Told(), []
    for number, night in enumerate(content):
        now, found = AT + timedelta(days=number), items(*night)
        due = letter(told, found, {"new": 4}, NIGHT + timedelta(days=number), now, 7)
        letters.append(due)
        told = Told(told.after(found, due is not None), now if due else told.sent_at)
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
    assert "- a : le serveur refuse le jeton ou le mot de passe : kobo-sync doctor\n" in second.text
    assert "- b : le serveur refuse le jeton ou le mot de passe : kobo-sync doctor [nouveau]" in second.text
    assert "- kobo2 · 3 x [nouveau]" in second.text


def test_a_mail_that_did_not_leave_told_nothing() -> None:
    found = items(["a"], [])
    assert letter(Told(), found, {}, NIGHT, AT, 7) == letter(
        Told.read({"told": "?", "sent_at": 3}), found, {}, NIGHT, AT, 7
    )
    (key,) = (item.key for item in found)
    assert Told({key: 1}).after([], sent=False) == {} and Told({key: 3}).after(found, sent=False) == {key: 1}


def test_nothing_to_say_is_not_said() -> None:
    assert letter(Told(), [], {}, NIGHT, AT, 7) is None


def test_a_source_s_number_is_not_how_many() -> None:
    gone = "traite : {} fiches sur 600 ont disparu du serveur"
    found = nights(([], [gone.format(6)]), ([], [gone.format(590)]), ([], [gone.format(590)]), ([], [gone.format(12)]))
    assert [due is not None for due in found] == [True, True, False, False]
    assert (
        found[1] is not None and "kobo2 · traite : 590 fiches sur 600 ont disparu du serveur [nouveau]" in found[1].text
    )


def test_a_tenth_more_is_news_and_one_more_of_a_thousand_waits_for_the_reminder() -> None:
    counts = (1000, 1001, 1099, 1100, 1100)
    found = nights(*(([], [f"{number} fiches"]) for number in counts))
    assert [due is not None for due in found] == [True, False, False, True, False]


def test_another_source_that_fails_is_news_though_its_name_differs_by_a_number() -> None:
    _, second, third = nights((["ong1"], []), (["ong1", "ong2"], []), (["ong2"], []))
    assert second is not None and "- ong2 : le serveur refuse" in second.text and third is None


def test_what_is_said_once_is_no_more_announced_as_settled() -> None:
    first, second, third = nights(([], [], "une question inconnue"), ([], []), ([], [], "une question inconnue"))
    assert first is not None and "- une question inconnue [nouveau]" in first.text
    assert second is None and third is not None


def test_the_same_line_is_written_once() -> None:
    (due,) = nights((["a", "a"], ["3 x", "3 x"], "y"))
    assert due is not None and "(1 problème, 2 points en attente)" in due.subject


def test_a_night_that_failed_does_not_make_news_of_what_was_known_to_wait() -> None:
    failing = (["ong1"], [])
    found = nights(([], ["3 x"]), failing, ([], ["3 x"]), ([], []), failing)
    assert [due is not None for due in found] == [True, True, False, True, True]
    assert found[3] is not None and "plus rien n’attend" in found[3].subject
