"""A real SMTP server (aiosmtpd) on its own socket, with a certificate of an authority made for the test."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from kobo_sync.config_nightly import MailConfig

ACCOUNT, PASSWORD = "statistiques", "mot-de-passe-du-courrier"


class Box:
    """What the server took. `answer`: what it says to a message instead of taking it."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.logins = 0
        self.answer = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer:
            return self.answer
        assert session.authenticated
        self.recipients.append(envelope.rcpt_tos)
        self.messages.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins += 1
        right = (data.login, data.password) == (ACCOUNT.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)


class _Controller(Controller):
    def __init__(self, box: Box, context: ssl.SSLContext | None, starttls: ssl.SSLContext | None) -> None:
        self._starttls, self._box = starttls, box
        super().__init__(box, hostname="127.0.0.1", port=0, ssl_context=context)

    def factory(self) -> SMTP:
        secure = {"tls_context": self._starttls, "require_starttls": True} if self._starttls else {}
        # Behind TLS from the start, the library does not know that there is TLS, and warns of requiring a password.
        return SMTP(
            self.handler, hostname="localhost", authenticator=self._box.authenticate,
            auth_required=bool(self._starttls), auth_require_tls=bool(self._starttls), **secure,
        )  # fmt: skip

    def _trigger_server(self) -> None:
        """The ready-made one speaks to port 0, before the system has given one."""
        assert self.server is not None
        socket.create_connection(self.server.sockets[0].getsockname()).close()


@contextmanager
def mail_server(folder: Path, security: str = "starttls", names: str = "localhost") -> Iterator[tuple[Box, MailConfig]]:
    """The server, and a configuration that reaches it. `names`: whom its certificate is for."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(names).configure_cert(context)
    authority.cert_pem.write_to_path(folder / "autorite.pem")
    secret = folder / "courrier.txt"
    secret.write_text(PASSWORD + "\n", encoding="ascii")
    secret.chmod(0o600)
    box = Box()
    direct, later = (context, None) if security == "tls" else (None, context)
    controller = _Controller(box, direct, later)
    controller.start()
    try:
        port = controller.server.sockets[0].getsockname()[1]
        yield box, mail_config(folder, port, security)
    finally:
        controller.stop()


def mail_config(folder: Path, port: int, security: str = "starttls", **more: Any) -> MailConfig:
    return MailConfig.model_validate(mail_section(folder, port, security) | more)


def mail_section(folder: Path, port: int, security: str = "starttls") -> dict[str, Any]:
    return {
        "host": "localhost", "port": port, "security": security, "sender": "statistiques@anltp.example",
        "to": ["donnees@anltp.example"], "username": ACCOUNT, "password_file": str(folder / "courrier.txt"),
        "ca_file": str(folder / "autorite.pem"),
    }  # fmt: skip
