"""Mail to the data manager: a TLS connection whose certificate is checked, a password, bounded time.

Nothing that the mail server says is repeated in a message: its texts may hold addresses. Only its code is.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.mime.text import MIMEText
from email.utils import format_datetime, make_msgid

from kobo_sync.config_nightly import MailConfig
from kobo_sync.errors import KoboSyncError


class MailError(KoboSyncError):
    """The mail did not leave. `kind`: one word for the health file."""

    def __init__(self, kind: str, message: str, remedy: str) -> None:
        self.kind = kind
        super().__init__(message, remedy)


@dataclass(frozen=True)
class Bounds:
    """Seconds: for one answer of the server, and for the whole exchange, whatever it drips."""

    answer: float = 30.0
    total: float = 120.0


def check(config: MailConfig, bounds: Bounds = Bounds()) -> None:
    """Connect and log in without sending anything. Raises MailError, ConfigError, StoreKeyError."""
    with _connected(config, bounds):
        pass


def send(config: MailConfig, subject: str, text: str, at: datetime, bounds: Bounds = Bounds()) -> None:
    """Send one plain text to the configured people. Raises MailError, ConfigError, StoreKeyError."""
    domain = config.sender.rpartition("@")[2]
    message = MIMEText(text, "plain", "utf-8")  # EmailMessage doubles spaces where it folds an accented subject
    message["From"] = config.sender
    message["To"] = ", ".join(config.to)
    message["Subject"] = Header(subject, "utf-8", header_name="Subject").encode()
    message["Date"] = format_datetime(at)
    message["Message-ID"] = make_msgid(domain=domain)  # the default domain is this machine's name
    message["Auto-Submitted"] = "auto-generated"  # no holiday answers, please
    with _connected(config, bounds) as client:
        refused = client.send_message(message)
    if refused:
        raise MailError(
            "refus",
            f"Le serveur de courrier {config.host} a refusé {len(refused)} destinataire(s) sur {len(config.to)}",
            "vérifiez mail.to",
        )


class _Client(smtplib.SMTP):
    """smtplib's client, with TLS from the start where asked, and a second handle on the connection to cut it by."""

    def __init__(self, config: MailConfig, context: ssl.SSLContext, bounds: Bounds) -> None:
        # What we call ourselves: smtplib would ask the network for the machine's name, which is nobody's business.
        super().__init__(timeout=bounds.answer, local_hostname=config.sender.rpartition("@")[2])
        self._host = config.host  # the name that starttls checks the certificate against
        self._context = context if config.security == "tls" else None
        self._twin: socket.socket | None = None
        self.late = False

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((host, port), timeout)
        self._twin = plain.dup()
        return self._context.wrap_socket(plain, server_hostname=host) if self._context else plain

    def cut(self) -> None:
        """End an exchange that lasts: a server that sends a byte now and then never meets the socket's timeout."""
        self.late = True
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of both handles."""
        super().close()
        if self._twin is not None:
            self._twin.close()


@contextmanager
def _connected(config: MailConfig, bounds: Bounds) -> Iterator[smtplib.SMTP]:
    """A client that has logged in; every error on the way becomes a MailError."""
    password = config.read_password() if config.username is not None else None
    context = _context(config)
    client = _Client(config, context, bounds)
    watch = threading.Timer(bounds.total, client.cut)
    watch.daemon = True
    watch.start()
    try:
        code, words = client.connect(config.host, config.port_used)
        if code != 220:
            raise smtplib.SMTPConnectError(code, words)
        if config.security == "starttls":
            client.starttls(context=context)
        if config.username is not None and password is not None:
            client.login(config.username, password)
        yield client
        with suppress(smtplib.SMTPException, OSError):
            client.quit()  # what it says now changes nothing: the mail is taken
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise _told(error, config, client.late) from None
    finally:
        watch.cancel()
        client.close()


def _context(config: MailConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ValueError):
        raise MailError(
            "certificat", f"Le fichier mail.ca_file ({config.ca_file}) n’est pas lisible", "vérifiez ce fichier (PEM)"
        ) from None


def _told(error: Exception, config: MailConfig, late: bool) -> MailError:
    where = f"Le serveur de courrier {config.host} (port {config.port_used})"
    # smtplib turns a socket's timeout into a disconnection, and keeps it as the context.
    if late or isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return MailError("delai", f"{where} ne répond pas à temps", "vérifiez mail.host, mail.port et le réseau")
    if isinstance(error, ssl.SSLCertVerificationError):
        return MailError(
            "certificat",
            f"{where} ne prouve pas qui il est : son certificat est refusé, rien ne lui a été confié",
            "vérifiez mail.host ; pour une autorité interne, donnez mail.ca_file",
        )
    if isinstance(error, ssl.SSLError | smtplib.SMTPNotSupportedError):
        return MailError(
            "tls",
            f"{where} ne chiffre pas la liaison de la manière demandée : rien ne lui a été confié",
            "vérifiez mail.security (starttls, port 587, ou tls, port 465)",
        )
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return MailError(
            "authentification",
            f"{where} refuse le compte ou le mot de passe ({error.smtp_code})",
            "vérifiez mail.username et le mot de passe",
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPSenderRefused):
        return MailError(
            "refus", f"{where} refuse l’expéditeur ou les destinataires", "vérifiez mail.sender et mail.to"
        )
    if isinstance(error, smtplib.SMTPResponseException):
        return MailError("refus", f"{where} refuse le message ({error.smtp_code})", "demandez à qui tient ce serveur")
    return MailError("connexion", f"{where} ne répond pas", "vérifiez mail.host, mail.port et le réseau")
