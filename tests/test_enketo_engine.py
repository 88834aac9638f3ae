"""The second engine itself: what it complains of, where it runs, and that nothing of it outlives the tests."""

import json
import platform
import subprocess
import sys
import time
from pathlib import Path
from shutil import copytree

import pytest

from kobo_sync.form_names import FORMS
from tests.engines import enketo
from tests.enketo_fixture import blank, compiled, needs_browser

ROOT = Path(__file__).parents[1]


@needs_browser
@pytest.mark.parametrize("form", FORMS)
def test_a_form_opens_without_a_complaint_in_both_languages(form: str) -> None:
    assert blank(form).languages == list(enketo.LANGUAGES.values())


@needs_browser
def test_a_missing_list_is_told(tmp_path: Path) -> None:
    folder = copytree(compiled("traite").parent, tmp_path / "traite")
    (folder / "places.csv").unlink()
    (told,) = enketo.Form(folder / "traite.xml").errors
    assert "places" in told


@needs_browser
def test_one_form_is_open_at_a_time() -> None:
    first = blank("suivi")
    blank("declaration")
    with pytest.raises(enketo.EnketoError, match="one at a time"):
        first.value("resume")


@needs_browser
def test_what_enketo_complains_of_while_answering_is_an_error() -> None:
    form = blank("suivi")
    with pytest.raises(enketo.EnketoError, match="not shown"):
        form.labels("aide")


@needs_browser
def test_no_browser_outlives_a_test_run_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.engines.enketo import Form\n"
        "print(Form(Path(sys.argv[1])).browser.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    xform = str(compiled("suivi"))
    done = subprocess.run([sys.executable, "-c", program, xform], cwd=ROOT, capture_output=True, text=True, check=False)
    node = int(done.stdout)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{node}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{node}").exists()


@pytest.mark.parametrize(
    ("system", "machine", "runs"),
    [("linux", "x86_64", True), ("linux", "aarch64", False), ("darwin", "arm64", False), ("win32", "AMD64", False)],
)
def test_where_the_browser_cannot_run_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, runs: bool
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert (enketo.unsupported() == "") == runs
    if not runs:
        assert f"not on {system} {machine}" in enketo.unsupported()
        assert enketo.install() == 0  # nothing to install: make goes on, and the tests are skipped


def test_every_package_is_pinned_by_its_digest_and_names_no_registry() -> None:
    packages = json.loads((enketo.FOLDER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    installed = {name: entry for name, entry in packages.items() if name}
    assert len(installed) > 100
    assert [name for name, entry in installed.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, entry in installed.items() if "resolved" in entry] == []
