"""An installation with officers and a filled store, and the command line in a process of its own."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
import pytest
import yaml

from kobo_sync.age_files import PASSPHRASE_VARIABLE
from kobo_sync.cli import main
from kobo_sync.config import Config, load_config
from kobo_sync.keys import PSEUDONYM_VARIABLE, STORE_VARIABLE, init_keys, load_keys
from kobo_sync.store import Store
from tests.store_fixture import fill

COMMITTED = Path(__file__).parent.parent / "config.yaml"
PASSPHRASE = "quatre mots sans lien"


@dataclass(frozen=True)
class Officer:
    """An officer with an identity in clear, as `age-keygen` makes it: a passphrase costs more than a second."""

    name: str
    public_key: str
    file: Path


def officer(folder: Path, name: str) -> Officer:
    folder.mkdir(parents=True, exist_ok=True)
    identity = pyrage.x25519.Identity.generate()
    path = folder / f"{name}.cle"
    path.write_text(f"# created: 2026-11-25T09:00:00Z\n# public key: {identity.to_public()}\n{identity}\n")
    path.chmod(0o600)
    return Officer(name, str(identity.to_public()), path)


def configured(folder: Path, officers: list[Officer], url: str = "https://kobo.example.org", **more: Any) -> Config:
    """The committed configuration in `folder`, with these officers."""
    data = yaml.safe_load(COMMITTED.read_text(encoding="utf-8")) | more
    data["sources"][0]["url"] = url
    data["recovery"] = {"officers": [{"name": each.name, "public_key": each.public_key} for each in officers]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return load_config(folder / "config.yaml")


@dataclass(frozen=True)
class Place:
    """An installation, its officers' files outside of it."""

    folder: Path
    config: Config
    officers: list[Officer]

    def store(self) -> Store:
        return Store.open(self.config.store_path, load_keys(self.config).store)


def installed(folder: Path, **more: Any) -> Place:
    """An installation of two officers, with keys and a store of a few rows."""
    officers = [officer(folder / "chez-eux", name) for name in ("Directrice", "Magistrat")]
    place = Place(folder / "serveur", configured(folder / "serveur", officers, **more), officers)
    init_keys(place.config)
    with place.store() as store:
        fill(store)
        columns = {"submission_key": str, "record_id": str, "given_name": str}
        known = {"submission_key": "kobo-anltp/traite/1", "record_id": "V1", "given_name": "Zeinabou-canari"}
        store.replace_derived({"identity": (columns, [known])}, {"code_version": "0.1.0"})
    return place


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def kobo_sync(folder: Path, *words: str, **environment: str) -> Done:
    """The command line from `folder`, in this process: a new one takes a second to start."""
    said, complained = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
        pytest.MonkeyPatch.context() as patch,
        Path(os.devnull).open() as nobody,
    ):
        patch.setattr("sys.argv", ["kobo-sync", *words])
        patch.setattr("sys.stdin", nobody)
        for name in ("KOBO_TOKEN", STORE_VARIABLE, PSEUDONYM_VARIABLE, PASSPHRASE_VARIABLE):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            logging.captureWarnings(False)
    return Done(code, said.getvalue(), complained.getvalue())


def kobo_sync_process(folder: Path, *words: str, **environment: str) -> Done:
    """The command line as a timer starts it: a process of its own, another home, nobody at the keyboard."""
    done = subprocess.run(
        [sys.executable, "-c", "from kobo_sync.cli import main; main()", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONWARNINGS": "error"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return Done(done.returncode, done.stdout, done.stderr)
