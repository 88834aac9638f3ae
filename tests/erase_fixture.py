"""A store with cases of persons who have names, and the pages of its file as anybody with the key could read them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from kobo_sync.config import Config, load_config
from kobo_sync.rebuild import rebuild
from kobo_sync.received_rows import Refused, read_row
from kobo_sync.store import Store
from kobo_sync.store_receive import write_row
from tests.store_fixture import AT, KEY
from tests.transform_fixture import traite

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SOURCE = "kobo-anltp"
GIVEN, FAMILY, OTHER = "Fatouzikira", "Zakwembaro", "Dourandoro"
HER = {"v_prenom": GIVEN, "v_nom": FAMILY, "v_date_naissance": "2013-05-17", "v_age_connu": "birth_date", "v_age": None}
SIS = {
    "v_prenom": "Bibatoune",
    "v_nom": OTHER,
    "v_date_naissance": "2012-02-01",
    "v_age_connu": "birth_date",
    "v_age": None,
}
_PAGE, _RESERVED, _IV = 4096, 80, 16


def configured(folder: Path, *, url: str = "", uid: str = "") -> Config:
    """The project's own configuration, its data below a folder of the test."""
    content = yaml.safe_load((Path(__file__).parent.parent / "config.yaml").read_text(encoding="utf-8"))
    content |= {"data_dir": "data", "output_dir": "outputs"}
    if url:
        source = {"name": SOURCE, "kind": "kobo", "url": url, "token_env": "KOBO_TOKEN", "forms": {"traite": uid}}
        content["sources"] = [source]
    (folder / "config.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return load_config(folder / "config.yaml")


def opened(config: Config) -> Store:
    """The store of a configuration, under the tests' key."""
    return Store.open(config.store_path, KEY)


def receive(
    store: Store, number: int, raw: dict[str, Any], *, form: str = "traite", at: str = AT, **system: Any
) -> None:
    """A row as the server gives it, kept as a pull keeps it."""
    row = read_row(
        raw
        | {"_id": number, "_uuid": f"u{number}", "meta/rootUuid": f"uuid:root{number}", "_submitted_by": "pol_nia"}
        | {"meta/instanceID": f"uuid:{system.get('_uuid', f'u{number}')}"}
        | {"_submission_time": "2026-04-15T10:00:00", "_validation_status": {}}
        | system
    )
    assert not isinstance(row, Refused)
    with store.transaction():
        write_row(store, SOURCE, form, row, at)


def case(code: str, *victims: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A case that the police of Niamey report."""
    return traite(code, list(victims), **{"declaration/entite": "POL_NIA", **more})


def fill(store: Store, config: Config) -> None:
    """She is in two cases (found to be one person), her sister in one of them; each case was edited once."""
    receive(store, 1, case("ABCD2345", HER, SIS, observations=f"{FAMILY} au marché"))
    receive(store, 1, case("ABCD2345", HER | {"v_sexe": "F", "v_nom": FAMILY.upper()}, SIS), _uuid="edit1")
    receive(store, 2, case("EFGH2345", HER))
    receive(
        store,
        3,
        case("JKMN2345", SIS | {"v_prenom": "Mariamazi", "v_nom": "Kilambossa", "v_date_naissance": "2001-09-30"}),
    )
    store.quarantine_enter(
        submission_key=f"{SOURCE}/traite/1", source=SOURCE, form="traite", remote_key="1", instance_uuid="u1",
        stage="pull", reason_code="no_uuid", message="m", at=AT, raw_json=f'{{"victime": [{{"v_nom": "{FAMILY}"}}]}}',
    )  # fmt: skip
    rebuild(store, config, now=NOW)


def pages(path: Path, key: bytes = KEY) -> bytes:
    """Every page of the file and of its journal, decrypted: freed ones included."""
    content = path.read_bytes()
    found = [_page(content[at : at + _PAGE], key, 16 if at == 0 else 0) for at in range(0, len(content), _PAGE)]
    journal = path.with_name(f"{path.name}-wal")
    frames = journal.read_bytes() if journal.exists() else b""
    for at in range(32, len(frames), 24 + _PAGE):
        frame = frames[at : at + 24 + _PAGE]
        number = int.from_bytes(frame[:4], "big")
        found.append(_page(frame[24:], key, 16 if number == 1 else 0))
    return b"".join(found)


def _page(page: bytes, key: bytes, salt: int) -> bytes:
    body, vector = page[salt:-_RESERVED], page[-_RESERVED : -_RESERVED + _IV]
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    return decryptor.update(body) + decryptor.finalize()
