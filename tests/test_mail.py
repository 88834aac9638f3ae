"""Mail leaves over TLS to a server that proves who it is, within a bounded time, or says why it did not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from kobo_sync.errors import ConfigError, StoreKeyError
from kobo_sync.mail import Bounds, MailError, check, send
from tests.mail_fixture import PASSWORD, mail_config, mail_server

AT = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_leaves_with_its_accents_and_without_the_machine_s_name(tmp_path: Path, security: str) -> None:
    with mail_server(tmp_path, security) as (box, config):
        send(config, "ANLTP : la nuit du 24/11/2026 (2 problèmes)", "Deux fiches « à revoir ».\n", AT)
    (message,) = box.messages
    assert message["Subject"] == "ANLTP : la nuit du 24/11/2026 (2 problèmes)"
    assert message.get_content().strip() == "Deux fiches « à revoir »."
    assert message.get_content_type() == "text/plain" and box.recipients == [["donnees@anltp.example"]]
    assert socket.gethostname() not in message.as_string() and PASSWORD not in message.as_string()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_check_logs_in_and_sends_nothing(tmp_path: Path, security: str) -> None:
    with mail_server(tmp_path, security) as (box, config):
        check(config)
    assert box.logins == 1 and not box.messages


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_does_not_prove_its_name_gets_no_password(tmp_path: Path, security: str) -> None:
    with mail_server(tmp_path, security, names="autre.example") as (box, config), pytest.raises(MailError) as caught:
        check(config)
    assert caught.value.kind == "certificat" and "mail.ca_file" in str(caught.value)
    assert not box.logins


def test_an_authority_that_nobody_named_is_refused(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (box, config):
        trustme.CA().cert_pem.write_to_path(tmp_path / "autorite.pem")
        with pytest.raises(MailError) as caught:
            check(config)
    assert caught.value.kind == "certificat" and not box.logins


def test_a_refused_password_is_said_without_the_password(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (_, config):
        (tmp_path / "courrier.txt").write_text("tout-autre-chose", encoding="ascii")
        with pytest.raises(MailError) as caught:
            check(config)
    assert caught.value.kind == "authentification" and "535" in str(caught.value)
    assert "tout-autre-chose" not in str(caught.value)


def test_a_refused_message_is_said_by_its_number(tmp_path: Path) -> None:
    with mail_server(tmp_path) as (box, config):
        box.answer = "554 5.7.1 Amina Issoufou is not welcome"
        with pytest.raises(MailError) as caught:
            send(config, "sujet", "texte\n", AT)
    assert caught.value.kind == "refus" and "554" in str(caught.value) and "Amina" not in str(caught.value)


def test_a_plain_server_is_given_nothing(tmp_path: Path) -> None:
    with scripted(b"220 localhost\r\n", b"250 localhost\r\n") as port, pytest.raises(MailError) as caught:
        check(placed(tmp_path, port))
    assert caught.value.kind == "tls" and "mail.security" in str(caught.value)


def test_a_server_that_falls_silent_is_left(tmp_path: Path) -> None:
    with scripted() as port, pytest.raises(MailError) as caught:
        check(placed(tmp_path, port), Bounds(answer=0.3))
    assert caught.value.kind == "delai"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_drips_is_left_too(tmp_path: Path, security: str) -> None:
    with dripping() as port, pytest.raises(MailError) as caught:
        check(placed(tmp_path, port, security), Bounds(answer=20, total=0.5))
    assert caught.value.kind == "delai"


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and never listening
        with pytest.raises(MailError) as caught:
            check(placed(tmp_path, taken.getsockname()[1]))
    assert caught.value.kind == "connexion"


def test_a_server_that_greets_with_a_refusal_is_said(tmp_path: Path) -> None:
    with scripted(b"554 not today\r\n") as port, pytest.raises(MailError) as caught:
        check(placed(tmp_path, port))
    assert caught.value.kind == "refus"


def test_a_password_file_open_to_others_or_empty_is_refused(tmp_path: Path) -> None:
    config = placed(tmp_path, 1)
    (tmp_path / "courrier.txt").chmod(0o644)
    with pytest.raises(StoreKeyError, match="chmod 600"):
        check(config)
    (tmp_path / "courrier.txt").chmod(0o600)
    (tmp_path / "courrier.txt").write_text("\n", encoding="ascii")
    with pytest.raises(ConfigError, match="aucun mot de passe"):
        check(config)


def test_the_password_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = mail_config(tmp_path, 1, password_file=None, password_env="ANLTP_MAIL_PASSWORD")
    with pytest.raises(ConfigError, match="ANLTP_MAIL_PASSWORD"):
        check(config)
    monkeypatch.setenv("ANLTP_MAIL_PASSWORD", "déjà-vu")
    with pytest.raises(ConfigError, match="accentué") as caught:
        check(config)
    assert "vu" not in str(caught.value)
    monkeypatch.setenv("ANLTP_MAIL_PASSWORD", PASSWORD)
    assert config.read_password() == PASSWORD


def placed(folder: Path, port: int, security: str = "starttls"):
    """A configuration for a server of another kind, with its files there."""
    trustme.CA().cert_pem.write_to_path(folder / "autorite.pem")
    (folder / "courrier.txt").write_text(PASSWORD, encoding="ascii")
    (folder / "courrier.txt").chmod(0o600)
    return mail_config(folder, port, security)


@contextmanager
def scripted(*answers: bytes) -> Iterator[int]:
    """A server that says these things, one for each thing said to it, then nothing more."""

    def talk(peer: socket.socket) -> None:
        for number, answer in enumerate(answers):
            if number and not peer.recv(4096):
                return
            peer.sendall(answer)
        while peer.recv(4096):
            pass

    with listening(talk) as port:
        yield port


@contextmanager
def dripping() -> Iterator[int]:
    """A server that sends a byte of a greeting (or of a TLS record) ten times a second, and never ends it."""
    done = threading.Event()

    def talk(peer: socket.socket) -> None:
        for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 10_000:
            if done.wait(0.1):
                return
            peer.sendall(bytes([byte]))

    with listening(talk) as port:
        try:
            yield port
        finally:
            done.set()


@contextmanager
def listening(talk) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                peer, _ = server.accept()
                with peer:
                    talk(peer)
            except OSError:
                pass  # the client left, as it should

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)
        assert not thread.is_alive()
