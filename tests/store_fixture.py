"""A store with a known key and a few received rows; `fixtures/` holds the same for each schema released."""

from __future__ import annotations

from pathlib import Path

from kobo_sync.store import Store
from kobo_sync.store_receive import Review, Row, write_deletion, write_row
from transforms.ledger import LedgerRow

KEY = bytes(range(32))
AT = "2026-11-02T01:00:00+00:00"
APPROVED = Review("validation_status_approved", "coordo_ne008", "2026-11-01T09:00:00+00:00")


def row(remote_key: str, version: int = 1, review: Review | None = None, **answers: object) -> Row:
    """A received row; `version` 2 and more are edits."""
    root, uuid = f"root-{remote_key}", f"root-{remote_key}" if version == 1 else f"edit-{remote_key}-{version}"
    status = {"uid": review.uid} if review else {}
    raw = {
        "_id": int(remote_key),
        "_uuid": uuid,
        "meta/rootUuid": f"uuid:{root}",
        "_validation_status": status,
        **answers,
    }
    return Row(
        remote_key=remote_key, instance_uuid=uuid, root_uuid=root, witnesses=frozenset({root, uuid}),
        edited=version > 1,
        submission_time="2026-11-01T08:00:00", submitted_by="phone1", form_release="traite-0123456789",
        remote_version="vABC", review=review or Review(), raw=raw,
    )  # fmt: skip


def receive(store: Store, *rows: Row, at: str = AT) -> None:
    """Write rows as a pull does."""
    with store.transaction():
        for each in rows:
            write_row(store, "kobo-anltp", "traite", each, at)


def fill(store: Store) -> None:
    """Rows of every received table."""
    receive(store, row("1", v_prenom="Zeinabou-canari"), row("2", review=APPROVED), row("3"))
    receive(store, row("2", version=2, review=APPROVED))
    write_deletion(store, "kobo-anltp/traite/3", "deleted", {"sweeps": 2, "status": 404}, AT)
    store.quarantine_enter(
        submission_key="kobo-anltp/traite/1", source="kobo-anltp", form="traite", remote_key="1",
        instance_uuid="root-1", stage="mapping", reason_code="unknown_code", message="actes : code inconnu",
        raw_json=None, at=AT,
    )  # fmt: skip
    store.decide("classification", "case-1", "traite_presumee", "data_manager", AT, "dossier relu")
    store.append_ledger("person", [LedgerRow(AT, "allocate", "p1", "kobo-anltp/traite/1#V1", None, "rebuild")])
    store.append_ledger("event", [LedgerRow(AT, "allocate", "e1", "kobo-anltp/traite/1", None, "rebuild")])
    store.replace_derived(
        {
            "events": ({"case_code": str, "persons": int}, [{"case_code": "case-1", "persons": 2}]),
            "identity": ({"record_id": str, "given_name": str}, [{"record_id": "V1", "given_name": "Zeinabou-canari"}]),
        },
        {"code_version": "0.1.0"},
    )


if __name__ == "__main__":  # python -m tests.store_fixture, once a schema version is released
    from kobo_sync.migrations import CURRENT

    target = Path(__file__).parent / "fixtures" / f"store-schema-{CURRENT}.sqlcipher"
    with Store.open(target, KEY) as made:
        fill(made)
        made.connection.execute("PRAGMA journal_mode = DELETE")
    print(target)
