"""Data flows one way: `transforms` imports no other room, `reports` only `transforms`; `xlsforms` holds no code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {"kobo_sync", "transforms", "reports", "xlsforms", "outputs", "tests", "benchmarks"}
ALLOWED = {
    "transforms": {"transforms"},
    "reports": {"reports", "transforms"},
    "kobo_sync": {"kobo_sync", "transforms", "reports"},
}


def rooms_imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its room"
            found.add((node.module or "").split(".")[0])
    return found & ROOMS


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_what_the_design_allows(room: str) -> None:
    modules = sorted((ROOT / room).rglob("*.py"))
    assert modules
    for path in modules:
        assert rooms_imported(path) <= ALLOWED[room], path


def test_the_transforms_read_no_clock_and_no_network() -> None:
    forbidden = {"requests", "socket", "http", "urllib", "time", "os", "subprocess", "sqlite3", "sqlcipher3"}
    for path in sorted((ROOT / "transforms").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(text))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert not imported & forbidden, path
        assert ".now(" not in text and ".today(" not in text, path


def test_the_forms_room_holds_no_code() -> None:
    assert not list((ROOT / "xlsforms").rglob("*.py"))
