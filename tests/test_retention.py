"""What has been kept long enough is told, and goes only when a person says so."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kobo_sync import cli
from kobo_sync.config import Config, load_config
from kobo_sync.config_retention import RetentionConfig
from kobo_sync.errors import ConfigError
from kobo_sync.rebuild import rebuild
from kobo_sync.retention import _before, drop_others, due, due_plan
from kobo_sync.store_receive import Review, write_review
from tests.erase_fixture import FAMILY, HER, KEY, NOW, SOURCE, case, configured, opened, pages, receive
from tests.transform_fixture import suivi

OLD, LATE = "2021-01-10T08:00:00", "2026-10-01T08:00:00+00:00"
TODAY = date(2026, 11, 24)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path)


def keys(plan: Any) -> list[str]:
    return [target.submission_key.rpartition("/")[2] for target in plan.targets]


def test_a_case_is_due_after_its_last_sign_of_life_whatever_it_was(config: Config) -> None:
    with opened(config) as store:
        for number, code in enumerate(("ABCD2345", "EFGH2345", "JKMN2345", "PQRS2345", "TUVW2345"), start=1):
            receive(store, number, case(code, HER), _submission_time=OLD, at=LATE)  # an archive, pulled late
        receive(store, 2, case("EFGH2345", HER | {"v_sexe": "M"}), _uuid="e2", _submission_time=OLD, at=LATE)
        with store.transaction():
            write_review(store, f"{SOURCE}/traite/3", Review("validation_status_approved", "c", LATE), None, LATE)
        receive(store, 9, suivi("PQRS2345", entite="POL_NIA"), form="suivi", _submission_time=LATE, at=LATE)
        receive(store, 5, case("TUVW2345", HER), _submission_time="garbage", _uuid="e5", at=LATE)
        rebuild(store, config, now=NOW)
        (followed,) = store.connection.execute("SELECT target_key FROM followups").fetchone()
        assert followed == f"{SOURCE}/traite/4#PQRS2345-V1"
        assert keys(due_plan(store, config, TODAY)) == ["1"]
        assert keys(due_plan(store, config, date(2025, 12, 1))) == []
        assert keys(due_plan(store, config, date(2036, 1, 1))) == ["1", "2", "3", "4", "5"]
        (line,) = due(store, config, TODAY)
        assert line.startswith("1 cas sans activité depuis 60 mois") and "kobo-sync erase --due" in line


def test_nothing_goes_by_itself_and_what_is_due_goes_on_demand(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", KEY.hex())
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "cd" * 32)
    with opened(config) as store:
        receive(store, 1, case("ABCD2345", HER), _submission_time=OLD, at=LATE)
        store.quarantine_enter(
            submission_key=None, source=SOURCE, form="traite", remote_key=None, instance_uuid="q", stage="pull",
            reason_code="x", message="m", at=OLD, raw_json='{"a": 1}',
        )  # fmt: skip
        store.connection.execute("UPDATE quarantine SET released_at = ?", (OLD,))
        store.connection.execute(
            "INSERT INTO audit (at, actor, action, subject, reason) VALUES ('2001', 'a', 'b', 'c', 'd')"
        )
        store.connection.execute("INSERT INTO server_event VALUES ('s', 'f', 'w', 'edited', 'a', '2001', '')")
        rebuild(store, config, now=NOW)
        assert len(due(store, config, TODAY)) == 4
        assert FAMILY.encode() in pages(store.path)

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli.app, ["erase", "--due", *words, "--config", str(config.path)], input="n\n")

    assert run().exit_code == 2
    assert run("--reason", "r", "--by", "dpo").exit_code == 1
    with opened(config) as store:
        assert len(due(store, config, TODAY)) == 4
    done = run("--reason", "durée de conservation", "--by", "dpo", "--yes")
    assert done.exit_code == 0, done.output
    with opened(config) as store:
        assert due(store, config, TODAY) == []
        assert FAMILY.encode() not in pages(store.path)
        assert store.connection.execute("SELECT kind, by_whom FROM erasure").fetchall() == [("retention", "dpo")]
        assert store.connection.execute("SELECT count(*) FROM quarantine WHERE raw_json IS NULL").fetchone() == (1,)
    again = run("--reason", "r", "--by", "dpo", "--yes")
    assert again.exit_code == 0 and "Rien n’a dépassé" in again.output


def test_periods_are_months_of_at_least_one(tmp_path: Path, config: Config) -> None:
    text = config.path.read_text(encoding="utf-8")
    config.path.write_text(text + "\nretention: {identities_months: 12}\n", encoding="utf-8")
    assert load_config(config.path).retention.identities_months == 12
    for wrong in ("{identities_months: 0}", "{identities_month: 3}", "{audit_months: long}"):
        config.path.write_text(text + f"\nretention: {wrong}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="retention"):
            load_config(config.path)


@given(st.dates(date(1990, 1, 1), date(2100, 12, 31)), st.integers(1, 600))
def test_so_many_months_before_any_day_is_a_day_and_never_too_early(today: date, months: int) -> None:
    limit = date.fromisoformat(_before(today, months)[:10])
    apart = (today.year - limit.year) * 12 + today.month - limit.month
    assert apart == months and limit.day <= today.day


def test_the_page_says_the_periods_of_the_program_and_the_project_file_too() -> None:
    root = Path(__file__).parent.parent
    page = (root / "docs" / "effacement.md").read_text(encoding="utf-8")
    for name, field in RetentionConfig.model_fields.items():
        assert f"| `{name}` | {field.default} |" in page
    assert load_config(root / "config.yaml").retention == RetentionConfig()


def test_status_says_what_is_due(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOBO_SYNC_STORE_KEY", KEY.hex())
    monkeypatch.setenv("KOBO_SYNC_PSEUDONYM_KEY", "cd" * 32)
    with opened(config) as store:
        receive(store, 1, case("ABCD2345", HER), _submission_time="2011-01-10T08:00:00", at="2011-01-10T08:00:00+00:00")
        rebuild(store, config, now=NOW)
    done = CliRunner().invoke(cli.app, ["status", "--config", str(config.path)])
    assert "1 cas sans activité depuis 60 mois" in done.output.replace("\n", " ")


def test_the_text_of_what_never_left_quarantine_is_due_too(config: Config) -> None:
    with opened(config) as store:
        for number, at in enumerate((OLD, LATE)):
            store.quarantine_enter(
                submission_key=None, source=SOURCE, form="traite", remote_key=None, instance_uuid=f"q{number}",
                stage="pull", reason_code="x", message="m", at=at, raw_json='{"a": 1}',
            )  # fmt: skip
        assert [line for line in due(store, config, TODAY) if line.startswith("1 fiche(s) mises en quarantaine")]
        assert drop_others(store, config, TODAY) == 1
        left = store.connection.execute("SELECT entered_at FROM quarantine WHERE raw_json IS NOT NULL").fetchall()
        assert left == [(LATE,)]
