"""`kobo-sync pull` brings the store level and does nothing else; a form that drifted is told by one run only."""

from __future__ import annotations

import json

from tests.test_live_path import TRAITE, Site, deployed, site  # noqa: F401 - the fixtures


def test_pull_brings_the_store_level_and_writes_no_workbook(site: Site) -> None:  # noqa: F811
    site.send("traite", TRAITE)
    done = site.command("pull")
    assert done.exit_code == 0, done.output
    assert "1 nouvelles" in done.output and "kobo-sync rebuild" in done.output
    with site.store() as store:
        assert len(list(store.current_submissions())) == 1 and store.stamp() == {}
        assert store.connection.execute("SELECT outcome FROM sync_run").fetchone()[0] == 0
    again = site.command("pull", "--json", "--source", "kobo-anltp")
    assert json.loads(again.stdout)["pulls"]["kobo-anltp"]["new"] == 0
    other = site.command("pull", "--source", "kobo-oim")
    assert other.exit_code != 0 and "kobo-anltp" in str(other.exception)


def test_a_form_that_drifted_is_told_by_one_run_only(site: Site) -> None:  # noqa: F811
    site.send("traite", TRAITE)
    assert site.command("run").exit_code == 0
    site.send("traite", TRAITE, spoil=("<form_release>", "<couleur_du_camion>x</couleur_du_camion><form_release>"))
    told = json.loads(site.command("run", "--json").stdout)
    assert told["exit_code"] == 3
    assert any("question(s) que le système ne connaît pas" in line for line in told["for_people"])
    assert "couleur" not in json.dumps(told)
    later = json.loads(site.command("run", "--json").stdout)
    assert not any("ne connaît pas" in line for line in later["for_people"])
    with site.store() as store:
        (path,) = store.connection.execute("SELECT path FROM unknown_field").fetchone()
        assert path == "couleur_du_camion"
