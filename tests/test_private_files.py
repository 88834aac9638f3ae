"""Files that only their owner reads: replaced whole, never written through a link, closed when found open."""

import os
import stat
import sys
import threading

import pytest

from kobo_sync.backup import complete_list
from kobo_sync.errors import StoreError
from kobo_sync.secret_places import open_to_others, replace_private_file

posix = pytest.mark.skipif(sys.platform == "win32", reason="mode bits and links of POSIX")


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_replaced_file_is_whole_private_and_alone(tmp_path):
    path = tmp_path / "new" / "record.json"
    replace_private_file(path, b"one")
    replace_private_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert open_to_others(path) == ""
    assert [each.name for each in path.parent.iterdir()] == ["record.json"]


@posix
def test_the_mode_is_the_one_asked_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        replace_private_file(tmp_path / "health.json", b"{}", 0o640)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "health.json") == 0o640


@posix
def test_a_link_in_the_place_of_the_file_is_replaced_and_its_end_untouched(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "record.json").symlink_to(victim)
    replace_private_file(tmp_path / "record.json", b"ours")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "record.json").is_symlink() and (tmp_path / "record.json").read_text() == "ours"


def test_nothing_is_left_of_a_replacement_that_failed(tmp_path):
    path = tmp_path / "record.json"
    path.mkdir()  # no file can take its place
    with pytest.raises(OSError):
        replace_private_file(path, b"ours")
    assert [each.name for each in tmp_path.iterdir()] == ["record.json"]


@posix
def test_a_reader_never_sees_half_of_it(tmp_path):
    path, contents = tmp_path / "record.json", [b"a" * 200_000, b"b" * 200_000]
    replace_private_file(path, contents[0])
    writer = threading.Thread(target=lambda: [replace_private_file(path, contents[n % 2]) for n in range(30)])
    writer.start()
    seen = []
    while writer.is_alive():
        seen.append(path.read_bytes())
    writer.join()
    assert seen and all(each in contents for each in seen)


@posix
def test_an_erasure_list_is_never_written_through_a_link(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("line\nno newline at the end")
    (tmp_path / "effacements.jsonl").symlink_to(victim)
    with pytest.raises(StoreError, match="ne peut pas être écrite"):
        complete_list(tmp_path / "effacements.jsonl", ['{"at":"x"}'])
    assert victim.read_text() == "line\nno newline at the end"


@posix
def test_an_erasure_list_found_open_is_closed_and_kept(tmp_path):
    path = tmp_path / "effacements.jsonl"
    path.write_text('{"a":1}\n')
    path.chmod(0o644)
    complete_list(path, ['{"a":1}', '{"b":2}'])
    assert path.read_text() == '{"a":1}\n{"b":2}\n'
    assert mode_of(path) == 0o600
