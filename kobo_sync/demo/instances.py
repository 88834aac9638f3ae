"""From a template of the zip to what a phone posts: the blank form's own marks, codes and names put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from kobo_sync.demo import people
from kobo_sync.demo.plan import Plan, Submission
from kobo_sync.errors import FormError
from transforms import case_code

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_XFORMS = "{http://www.w3.org/2002/xforms}"


@dataclass(frozen=True)
class BlankForm:
    """What a phone reads in the form it was given: each of these comes back in every instance."""

    uid: str
    version: str
    version_uid: str
    formhub_uuid: str
    form_release: str


def read_blank(xform: str) -> BlankForm:
    """The marks of a deployed form (text of `form.xml`). Raises FormError when one is missing."""
    root = ElementTree.fromstring(xform)
    instance = root.find(f".//{_XFORMS}model/{_XFORMS}instance")
    if instance is None or not len(instance):
        raise FormError("Le formulaire reçu du serveur est vide", "déployer à nouveau les formulaires")
    main = instance[0]
    calculated = {
        bind.get("nodeset", "").partition("/")[2].partition("/")[2]: bind.get("calculate", "").strip("'")
        for bind in root.iter(f"{_XFORMS}bind")
    }
    found = {
        "version_uid": calculated.get("__version__", ""),
        "formhub_uuid": calculated.get("formhub/uuid", ""),
        "form_release": calculated.get("form_release", ""),
    }
    missing = sorted(name for name, value in found.items() if not value)
    if missing:
        raise FormError(f"Le formulaire reçu du serveur n’a pas : {', '.join(missing)}", "le déployer à nouveau")
    return BlankForm(uid=main.get("id", ""), version=main.get("version", ""), **found)


def fill(
    template: str,
    one: Submission,
    plan: Plan,
    blank: BlankForm,
    *,
    deprecated_id: str = "",
    submission_time: bool = True,
) -> str:
    """The XML to post: placeholders filled in one pass, root element and id as the server named them.

    `submission_time` writes the planned moment on the root, where a Kobo server reads it; `deprecated_id` is the
    instance ID that an edit replaces.
    """
    values = {
        "uid": blank.uid,
        "version": blank.version,
        "version_uid": blank.version_uid,
        "formhub_uuid": blank.formhub_uuid,
        "form_release": blank.form_release,
        "code": one.code,
        "code_montre": case_code.shown_code(one.code),
        "tirage": one.code[: case_code.DRAWN],
        "tirage_n": str(case_code.ALPHABET.index(one.code[case_code.DRAWN])) if one.code else "",
        "instance_id": plan.instance_id(one.file),
        "root_uuid": plan.instance_id(plan.root_file(one.file)),
        "deprecated_id": deprecated_id,
        **_names(one, plan.seed),
    }
    text = _PLACEHOLDER.sub(lambda found: escape(values.get(found[1], found[0])), template)
    moment = f" submissionDate={quoteattr(one.submission_time + '.000+00:00')}" if submission_time else ""
    text = text.replace("<data ", f"<{blank.uid}{moment} ", 1)
    end = text.rfind("</data>")
    return text if end < 0 else f"{text[:end]}</{blank.uid}>"


def _names(one: Submission, seed: int) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for number, person in enumerate(one.persons, 1):
        if person.variant is not None:
            given, family = people.name(person.key, person.variant, seed)
            values |= {f"given_{number}": given, f"family_{number}": family}
    return values
