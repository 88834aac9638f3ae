"""Everything that a night nobody watches needs, checked one by one, each with how to mend it.

Nothing is changed and nothing is printed here. No finding holds a token, a key, a name or an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from kobo_sync.config import Config, load_config
from kobo_sync.errors import ConfigError, KoboSyncError

State = Literal["ok", "warning", "failed"]
MARKS: dict[State, str] = {"ok": "✓", "warning": "!", "failed": "✗"}


@dataclass(frozen=True)
class Finding:
    """One check: its subject, how it stands, what was found and how to mend it, in French."""

    subject: str
    state: State
    text: str
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether a night can be run with this. A warning does not stop it."""
        return self.state != "failed"

    @property
    def line(self) -> str:
        """As it is shown."""
        return f"{MARKS[self.state]} {self.subject} : {self.text}" + (f" — {self.remedy}" if self.remedy else "")


Check = Callable[[], Iterable[Finding]]
Step = Callable[[str], None]


def good(subject: str, text: str) -> Finding:
    """Nothing to mend."""
    return Finding(subject, "ok", text)


def warn(subject: str, text: str, remedy: str) -> Finding:
    """The night goes on, and somebody should look."""
    return Finding(subject, "warning", text, remedy)


def bad(subject: str, text: str, remedy: str = "") -> Finding:
    """The night fails, or what it keeps is in danger. A text of config.yaml's checks holds its remedy."""
    return Finding(subject, "failed", text, remedy)


def examine(
    config: Config, *, now: datetime, send_test_mail: bool = False, step: Step = lambda _: None
) -> list[Finding]:
    """Every check of an installation whose configuration could be read. `step` is told what is under way."""
    from kobo_sync import doctor_life, doctor_machine, doctor_server

    found = [good("configuration", f"{config.path.name} est lisible, {len(config.sources)} source(s)")]
    checks: list[tuple[str, Check]] = [
        *doctor_machine.checks(config, now),
        *((source.name, _of_source(doctor_server.examine_source, source)) for source in config.sources),
        *doctor_life.checks(config, now, send_test_mail),
    ]
    for subject, check in checks:
        step(subject)
        told = {(one.text, one.remedy) for one in found if not one.ok}
        # A lost key stops several checks by one same error.
        found += [one for one in guarded(subject, check) if one.ok or (one.text, one.remedy) not in told]
    return found


def examine_file(
    path: Path, *, now: Callable[[Config], datetime], send_test_mail: bool = False, step: Step = lambda _: None
) -> list[Finding]:
    """As `examine`; a configuration that can't be used is what is found."""
    try:
        config = load_config(path)
    except ConfigError as error:
        return [bad("configuration", problem) for problem in error.problems]
    return examine(config, now=now(config), send_test_mail=send_test_mail, step=step)


def number(value: int) -> str:
    """A number as French writes it: 12 345."""
    return f"{value:,}".replace(",", "\u202f")


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all is well, 3 something should be looked at, 1 a night would fail."""
    states = {finding.state for finding in findings}
    return 1 if "failed" in states else 3 if "warning" in states else 0


def guarded(subject: str, check: Check) -> Iterator[Finding]:
    """What a check finds; what it raises is a finding too, and the checks after it go on."""
    try:
        yield from check()
    except ConfigError as error:
        for problem in error.problems:
            yield bad(subject, problem)
    except KoboSyncError as error:
        yield bad(subject, error.message, error.remedy)
    except OSError as error:
        yield bad(subject, error.strerror or type(error).__name__, "vérifiez le dossier, ses droits et le disque")
    except Exception as error:  # never its text: it may repeat what a server said
        yield bad(subject, f"contrôle impossible ({type(error).__name__})", "signalez cette ligne")


def _of_source(examine_source: Callable[..., Iterable[Finding]], source: object) -> Check:
    return lambda: examine_source(source)
