"""Fills the demonstration's cases through JavaRosa and writes `kobo_sync/demo/instances.zip` and `plan.json`.

    python -m tests.make_demo_instances          # about two minutes; needs the development packages (Java)

The XML is what the engine of ODK Collect made from the answers, respecting relevance and constraints: the script
stops when an answer is refused, when its question is not shown, or when the form could not be sent. Then what
only the sending knows is replaced by placeholders: form id and version, form release, instance ID, case code, names.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import jpype

from kobo_sync import forms
from kobo_sync.config import load_config
from kobo_sync.demo import plan as plans
from kobo_sync.demo.scenario.afterwards import COORDINATORS, Step, Story, tell
from kobo_sync.demo.scenario.facts import PROVIDERS, SILENT, SILENT_QUARTERS, Case
from kobo_sync.form_names import CASE_FORMS
from tests.engines import javarosa

CONFIG = Path(__file__).parents[1] / "config.yaml"
SEED = 2026
FILLING = timedelta(minutes=17)
"""From opening the blank form to sending it."""
QUARANTINED = {"date_detection": "date_detection", "v_sexe": "v_sexe", "nb_f_adultes": "nb_f_adultes",
               "g_h_adu": "g_h_adu"}  # fmt: skip
FLAGGED = {"v_age": "v_age", "actes": "actes"}


class Refused(Exception):
    """The form does not take a case as the scenario has it."""


def compile_forms(folder: Path) -> dict[str, Path]:
    """The forms as XForms, each in a folder of its own with its attachments."""
    providers = load_config(CONFIG).providers
    compiled = {}
    for form in forms.FORMS:
        place = folder / form
        place.mkdir()
        compiled[form] = javarosa.compile_form(forms.xlsx_path(form), forms.media(providers), place)
    return compiled


def _set_start(form: javarosa.Form, moment: datetime) -> None:
    """The phone's clock: without a detection date the form reckons ages from the day of filling."""
    clock = jpype.JClass("java.util.Date")(int(moment.replace(tzinfo=UTC).timestamp() * 1000))
    reference = form.definition.getMainInstance().getRoot().getFirstChild("start").getRef()
    answer = jpype.JClass("org.javarosa.core.model.data.DateTimeData")(clock)
    form.definition.setValue(answer, reference, True)


def fill(case: Case, xform: Path) -> tuple[str, str]:
    """(XML with placeholders, classification) of one case. Raises Refused, naming questions and not answers."""
    form = javarosa.Form(xform)
    _set_start(form, case.sent - FILLING)
    answers = case.answers | {repeat: rows for repeat, rows in case.repeats.items() if rows}
    if case.form in CASE_FORMS:
        answers["code_recopie"] = form.value("code_evenement")
    report = form.fill(answers)
    problem = form.problem()
    if report.refused or report.unmet or problem:
        raise Refused(f"{case.file}: refused {report.refused}, not shown {report.unmet}, not sendable {problem}")
    classification = form.value("classement_evt")
    if case.expect and classification != case.expect:
        raise Refused(f"{case.file}: classified {classification}, the scenario says {case.expect}")
    return template(form.xml(), case), classification


def template(xml: str, case: Case) -> str:
    """The engine's XML with placeholders in place of what is random or known only at sending."""
    release = _text(xml, "form_release")
    xml = re.sub(r"^<\?xml[^>]*\?>\s*", "", xml)
    xml = re.sub(r'^(<data [^>]*?)id="[^"]*"', r'\1id="{{uid}}"', xml)
    xml = re.sub(r'^(<data [^>]*?)version="[^"]*"', r'\1version="{{version}}"', xml)
    # Kobo adds these two questions to each form it deploys; a phone sends them with the rest.
    xml = re.sub(r"^(<data [^>]*>)", r"\1<formhub><uuid>{{formhub_uuid}}</uuid></formhub>", xml)
    xml = re.sub(r"(<(?:\w+:)?meta[ >])", r"<__version__>{{version_uid}}</__version__>\1", xml)
    xml = xml.replace(release, "{{form_release}}")
    if case.form in CASE_FORMS:
        xml = xml.replace(_text(xml, "code_evenement"), "{{code}}")
        for question in ("tirage", "tirage_n", "code_montre"):  # what the phone drew the code from
            xml = re.sub(rf"<{question}>[^<]*<", f"<{question}>{{{{{question}}}}}<", xml)
    for question, time_of in (("start", case.sent - FILLING), ("end", case.sent - timedelta(minutes=1))):
        moment = time_of.strftime("%Y-%m-%dT%H:%M:%S.000+00:00")
        xml = re.sub(rf"<{question}>[^<]*</{question}>", f"<{question}>{moment}</{question}>", xml)
    more = "<deprecatedID>{{deprecated_id}}</deprecatedID><rootUuid>{{root_uuid}}</rootUuid>" if case.edit_of else ""
    xml = re.sub(r"(instanceID>)uuid:[^<]*(</[^>]*instanceID>)", r"\1{{instance_id}}\2" + more, xml)
    for number, row in enumerate(re.findall(r"<victime>.*?</victime>", xml, re.S), 1):
        named = re.sub(r"<v_prenom>[^<]*<", f"<v_prenom>{{{{given_{number}}}}}<", row)
        named = re.sub(r"<v_nom>[^<]*<", f"<v_nom>{{{{family_{number}}}}}<", named)
        xml = xml.replace(row, named, 1)
    return xml


def _text(xml: str, question: str) -> str:
    found = re.search(rf"<{question}>([^<]+)</{question}>", xml)
    if found is None:
        raise Refused(f"the form made no {question}")
    return found[1]


def path_of(xml: str, question: str, row: int) -> str:
    """Path of a question as Kobo's bulk edit takes it, `victime[1]/g/v_age`; unknown questions are top-level."""
    root = ElementTree.fromstring(xml)
    parents = {child: parent for parent in root.iter() for child in parent}
    found = [node for node in root.iter() if node.tag == question]
    if not found:
        return question
    node, steps = found[max(row - 1, 0)], []
    while node is not root:
        mark = f"[{row}]" if row and node.tag in ("victime", "auteur", "groupe", "migrant", "passeur") else ""
        steps.append(f"{node.tag}{mark}")
        node = parents[node]
    return "/".join(reversed(steps))


def _action(step: Step, instances: dict[str, str]) -> plans.Action:
    file = step.case.file
    values = {path_of(instances[file], question, row): text for (question, row), text in step.changes.items()}
    return plans.Action(step.kind, file, step.day, step.by, step.status, step.answer, values)


def make_plan(story: Story, instances: dict[str, str], classifications: dict[str, str]) -> plans.Plan:
    """The plan that goes with the instances."""
    cases = story.scenario.cases + story.edits
    return plans.Plan(
        seed=SEED,
        accounts={provider.code.lower(): provider.code for provider in PROVIDERS},
        coordinators=COORDINATORS,
        submissions=tuple(
            plans.Submission(
                file=case.file, form=case.form, account=case.account or case.provider.code.lower(), code=case.code,
                submission_time=case.sent.strftime("%Y-%m-%dT%H:%M:%S"), event=case.event,
                persons=tuple(plans.Person(*person) for person in case.persons), day=case.day,
                answer=400 if case.file.startswith("casse") else 201, edit_of=case.edit_of,
                classification=classifications[case.file], tags=tuple(case.tags),
            )
            for case in cases
        ),
        actions=tuple(_action(step, instances) for step in story.steps),
        truth=plans.Truth(
            trucks=tuple(tuple(case.file for case in truck) for truck in story.scenario.trucks),
            quarantined={story.damaged[name].file: question for name, question in QUARANTINED.items()},
            flagged={story.damaged[name].file: question for name, question in FLAGGED.items()},
            silent=SILENT,
            silent_quarters=SILENT_QUARTERS,
        ),
    )  # fmt: skip


def main() -> int:
    """Fills everything and writes both files."""
    started = time.monotonic()
    story = tell(SEED)
    instances: dict[str, str] = {}
    classifications: dict[str, str] = {}
    refusals: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_forms(Path(folder))
        for case in story.scenario.cases + story.edits:
            try:
                instances[case.file], classifications[case.file] = fill(case, compiled[case.form])
            except Refused as refusal:
                refusals.append(str(refusal))
    if refusals:
        print(*refusals, sep="\n", file=sys.stderr)
        return 1
    cut = story.damaged["xml"].file
    instances[cut] = instances[cut][: len(instances[cut]) * 2 // 3]  # the connection broke while the phone wrote it
    plan = make_plan(story, instances, classifications)
    plans.write_instances(instances, plans.INSTANCES)
    plans.PLAN.write_text(plan.to_json(), encoding="utf-8")
    print(f"{len(instances)} instances in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
