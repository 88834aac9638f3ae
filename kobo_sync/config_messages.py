"""pydantic's findings about the configuration, told in French: key, value, remedy."""

from __future__ import annotations

import difflib
import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

_SECRET_KEY = re.compile(r"token|jeton|secret|pass|mot_de|pwd", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"[0-9a-fA-F]{32,}|@|AGE-SECRET-KEY", re.IGNORECASE)
"""Never printed: somebody may have pasted a token where its name belongs, or a password in an address."""

_REMEDIES = {
    "missing": "clé manquante ; ajoutez-la",
    "bool_parsing": "écrivez oui ou non",
    "bool_type": "écrivez oui ou non",
    "int_parsing": "écrivez un nombre entier",
    "int_type": "écrivez un nombre entier",
    "int_from_float": "écrivez un nombre entier",
    "string_type": "écrivez un texte, entre guillemets s’il ne contient que des chiffres",
    "list_type": "écrivez une liste, une ligne « - » par élément",
    "dict_type": "écrivez des clés en retrait sous celle-ci",
    "model_type": "écrivez des clés en retrait sous celle-ci",
    "path_type": "écrivez un chemin de dossier ou de fichier",
    "too_short": "la liste est vide ; donnez au moins un élément",
    "string_too_short": "le texte est vide ; complétez-le",
}


_YAML_CAUSES = (
    ("mapping values are not allowed",
     "son retrait n’est pas celui des clés voisines, ou un texte qui contient « : » n’est pas entre guillemets"),
    ("expected <block end>", "son retrait (espaces du début) n’est pas celui des lignes du même niveau ; alignez-la"),
    ("could not find expected ':'", "il manque « : » après la clé, ou un guillemet n’est pas fermé"),
    ("cannot start any token", "tabulation, ou signe qui demande des guillemets ; un retrait se fait avec des espaces"),
    ("flow", "un crochet [ ou une accolade { n’est pas fermé, ou il manque une virgule"),
    ("scalar", "un guillemet n’est pas fermé"),
)  # fmt: skip


def yaml_problem(error: Any) -> str:
    """Where YAML stopped and the likely cause; nothing of the line itself, that may hold a secret."""
    problem, context = str(getattr(error, "problem", "")), str(getattr(error, "context", ""))
    mark = getattr(error, "problem_mark", None)
    cause = next((said for sign, said in _YAML_CAUSES if sign in problem), "")
    if not cause and (cause := next((said for sign, said in _YAML_CAUSES if sign in context), "")):
        mark = getattr(error, "context_mark", None) or mark  # where it was opened
    where = f" à la ligne {mark.line + 1}" if mark else ""
    return f"écriture YAML incorrecte{where} : {cause or 'vérifiez les retraits et les « : »'}"


def french_problems(error: ValidationError, data: dict[str, Any], model: type[BaseModel]) -> list[str]:
    """One text a finding, in the order of the file's keys. `data` is what was read, to show the values."""
    return [_problem(finding, data, model) for finding in error.errors(include_url=False, include_input=False)]


def _problem(finding: Any, data: dict[str, Any], model: type[BaseModel]) -> str:
    location = tuple(part for part in finding["loc"] if part != "[key]")
    kind, context = finding["type"], finding.get("ctx", {})
    key = _dotted(location, data)
    if kind == "extra_forbidden":
        return f"{key} : clé inconnue ; {_closest(location, model)}"
    if kind == "missing":
        return f"{key} : {_REMEDIES[kind]}"
    if kind == "value_error":
        remedy = str(context.get("error", "valeur incorrecte"))
    elif kind == "literal_error" or kind == "enum":
        remedy = "valeurs permises : " + str(context.get("expected", "")).replace(" or ", ", ")
    elif kind == "string_pattern_mismatch":
        remedy = f"le texte doit suivre le modèle {context.get('pattern')}"
    elif kind.startswith("date"):
        remedy = "écrivez une date AAAA-MM-JJ"
    elif "le" in context or "ge" in context:
        remedy = " et ".join(
            f"{word} {context[bound]}" for bound, word in (("ge", "au moins"), ("le", "au plus")) if bound in context
        )
    else:
        remedy = _REMEDIES.get(kind, "valeur incorrecte ; voyez les commentaires du modèle")
    shown = _shown(location, _value(location, data))
    return f"{key}{shown} : {remedy}" if key else f"{remedy}"


def _dotted(location: tuple[str | int, ...], data: Any) -> str:
    """`providers (n° 4, POL_NIA).region`: elements counted from 1, as people do, with their name if they have one."""
    path = ""
    for part in location:
        data = _step(data, part)
        if isinstance(part, int):
            name = ""
            if isinstance(data, dict):
                name = str(data.get("code") or data.get("name") or data.get("username") or "")
            path += f" (n° {part + 1}, {name[:40]})" if name and not _SECRET_VALUE.search(name) else f" (n° {part + 1})"
        else:
            path += f".{part}" if path else part
    return path


def _step(data: Any, part: str | int) -> Any:
    try:
        return data[part]
    except (KeyError, IndexError, TypeError):
        return None


def _value(location: tuple[str | int, ...], data: Any) -> Any:
    for part in location:
        data = _step(data, part)
    return data


def _shown(location: tuple[str | int, ...], value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    named = any(isinstance(part, str) and _SECRET_KEY.search(part) for part in location)
    if named or _SECRET_VALUE.search(str(value)):
        return " (valeur non affichée)"
    return f" = « {str(value)[:80]} »"


def _closest(location: tuple[str | int, ...], model: type[BaseModel]) -> str:
    """The known key that looks most like the unknown one, and the list of known keys."""
    known = _known_keys(location[:-1], model)
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    if near:
        return f"vouliez-vous dire « {near[0]} » ?"
    return "retirez-la ; clés connues : " + ", ".join(known) if known else "retirez-la"


def _known_keys(parents: tuple[str | int, ...], model: Any) -> list[str]:
    for part in parents:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        found = [t for t in (field.annotation, *get_args(field.annotation)) if _is_model(t)] if field else []
        if not found:
            return []
        model = found[0]
    return list(model.model_fields)


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)
