"""`relevant` in French, for paper: `${date_connue} = 'oui'` becomes « Si « Oui » à la question 4 ».

A condition is worked out as far as paper settles it: what is asked only while a phone or a paper sheet is keyed in is
false here, and « is answered » is taken as true, since the question before stands on the same sheet. What compares with
a calculate is said by a phrase of `paper.csv`. Saying what is left unsaid
raises Unsaid: nothing is guessed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<word>and|or)\b|(?P<no>not\()"
    r"|(?P<atom>selected\(\$\{\w+\}, *'[^']*'\)|count-selected\(\$\{\w+\}\) *> *1"
    r"|\$\{\w+\} *(?:!=|=|>|<) *(?:'[^']*'|\d+)))"
)
IS = re.compile(r"selected\(\$\{(\w+)\}, *'([^']*)'\)|\$\{(\w+)\} *= *'([^']*)'")
IS_NOT = re.compile(r"\$\{(\w+)\} *!= *'([^']*)'")
SEVERAL = re.compile(r"count-selected\(\$\{(\w+)\}\) *> *1")
POSITIVE = re.compile(r"\$\{(\w+)\} *> *0")

FALSE_ON_PAPER = ("${mode} != 'papier'", "selected(${points}, 'papier')")
"""Asked only of who fills the form on a phone, and only of who keys a sheet in."""


class Unsaid(ValueError):
    """A condition that no rule and no phrase puts into French."""


@dataclass(frozen=True)
class Is:
    """A question has one of these answers, or, when `sense` is false, another."""

    question: str
    codes: tuple[str, ...]
    sense: bool = True


@dataclass(frozen=True)
class Clause:
    """Words that stand as they are."""

    text: str


@dataclass(frozen=True)
class All:
    """`and`."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class AnyOf:
    """`or`."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Unknown:
    """What is still to be put into French; no matter where something else settles that paper never asks."""

    text: str


Condition = bool | Is | Clause | All | AnyOf | Unknown
"""True: always asked; False: never on paper."""


def read(expression: str, phrases: Mapping[str, str]) -> Condition:
    """Work out an expression; `phrases` says atoms that compare with a calculate."""
    if not expression.strip():
        return True
    tokens, at = [], 0
    while expression[at:].strip():
        found = TOKEN.match(expression, at)
        if not found:
            return Unknown(expression)
        tokens.append((found.lastgroup or "", found.group().strip()))
        at = found.end()
    try:
        condition, left = _either(tokens, phrases)
    except Unsaid:
        return Unknown(expression)
    return Unknown(expression) if left else condition


def every(conditions: Iterable[Condition]) -> Condition:
    """`and`, saying once what several say."""
    parts: list[Condition] = []
    for one in conditions:
        for part in _parts(one):
            last = parts[-1] if parts else None
            if isinstance(part, Is) and isinstance(last, Is) and _same(part, last, sense=False):
                parts[-1] = Is(part.question, last.codes + part.codes, sense=False)
            elif part not in parts:
                parts.append(part)
    if any(part is False for part in parts):
        return False
    parts = [part for part in parts if part is not True]
    return All(tuple(parts)) if len(parts) > 1 else parts[0] if parts else True


def beyond(whole: Condition, said: Iterable[Condition]) -> Condition:
    """What is left to say of a condition when others have been said."""
    known = [part for one in said for part in _parts(one)]
    return every(part for part in _parts(whole) if part not in known)


def say(condition: Condition, number: Callable[[str], str], label: Callable[[str, str], str]) -> str:
    """The condition as a beginning of sentence, empty when the question is always asked.

    `number` gives a question's number, `label` the French of an answer.
    """
    if condition is True:
        return ""
    said = _say(condition, number, label)
    return f"S’{said}" if re.match(r"ils? ", said) else f"Si {said}"


def numbered(text: str, number: Callable[[str], str]) -> str:
    """A text with the numbers of the questions that it names in braces."""
    return re.sub(r"\{(\w+)\}", lambda found: number(found.group(1)), text)


def _say(condition: Condition, number: Callable[[str], str], label: Callable[[str, str], str]) -> str:
    if isinstance(condition, All):
        return ", et si ".join(_say(part, number, label) for part in condition.parts)
    if isinstance(condition, AnyOf):
        return ", ou si ".join(_say(part, number, label) for part in condition.parts)
    if isinstance(condition, Is):
        answers = [f"« {_short(label(condition.question, code))} »" for code in condition.codes]
        listed = " ou ".join([", ".join(answers[:-1]), answers[-1]] if len(answers) > 1 else answers)
        return f"{'' if condition.sense else 'autre chose que '}{listed} à la question {number(condition.question)}"
    if isinstance(condition, Clause):
        return numbered(condition.text, number)
    raise Unsaid(condition.text if isinstance(condition, Unknown) else str(condition))


def _same(one: Is, other: Is, sense: bool) -> bool:
    return (one.question, one.sense, other.sense) == (other.question, sense, sense)


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, All) else (condition,)


def _short(label: str) -> str:
    """An answer short enough to be quoted: as far as its first mark of explanation."""
    return re.split(r" : |, | \(", label)[0].rstrip(".")


def _either(tokens: list[tuple[str, str]], phrases: Mapping[str, str]) -> tuple[Condition, list[tuple[str, str]]]:
    condition, tokens = _every(tokens, phrases)
    parts = [condition]
    while tokens and tokens[0] == ("word", "or"):
        condition, tokens = _every(tokens[1:], phrases)
        parts.append(condition)
    return _any_of(parts), tokens


def _every(tokens: list[tuple[str, str]], phrases: Mapping[str, str]) -> tuple[Condition, list[tuple[str, str]]]:
    condition, tokens = _one(tokens, phrases)
    while tokens and tokens[0] == ("word", "and"):
        more, tokens = _one(tokens[1:], phrases)
        condition = every((condition, more))
    return condition, tokens


def _one(tokens: list[tuple[str, str]], phrases: Mapping[str, str]) -> tuple[Condition, list[tuple[str, str]]]:
    if not tokens:
        raise Unsaid("fin inattendue")
    kind, text = tokens[0]
    if kind in ("open", "no"):
        condition, tokens = _either(tokens[1:], phrases)
        if not tokens or tokens[0][0] != "close":
            raise Unsaid(text)
        return (_not(condition) if kind == "no" else condition), tokens[1:]
    if kind != "atom":
        raise Unsaid(text)
    return _atom(re.sub(r"\s+", " ", text), phrases), tokens[1:]


def _atom(text: str, phrases: Mapping[str, str]) -> Condition:
    if text in FALSE_ON_PAPER:
        return False
    if text in phrases:
        return Clause(phrases[text]) if phrases[text] else True
    if found := IS.fullmatch(text):
        question, code = [group for group in found.groups() if group is not None]
        return Is(question, (code,)) if code else Unknown(text)
    if found := IS_NOT.fullmatch(text):
        return Is(found.group(1), (found.group(2),), sense=False) if found.group(2) else True
    if found := SEVERAL.fullmatch(text):
        return Clause(f"plusieurs réponses à la question {{{found.group(1)}}}")
    if found := POSITIVE.fullmatch(text):
        return Clause(f"plus de 0 à la question {{{found.group(1)}}}")
    return Unknown(text)


def _not(condition: Condition) -> Condition:
    if isinstance(condition, bool):
        return not condition
    if isinstance(condition, Is):
        return Is(condition.question, condition.codes, not condition.sense)
    raise Unsaid(f"not({condition})")


def _any_of(parts: list[Condition]) -> Condition:
    """`or`: answers to one question are said together."""
    if any(part is True for part in parts):
        return True
    together: list[Condition] = []
    for part in parts:
        last = together[-1] if together else False
        if isinstance(part, Is) and isinstance(last, Is) and _same(part, last, sense=True):
            together[-1] = Is(part.question, last.codes + part.codes)
        elif part is not False and part not in together:
            together.append(part)
    return AnyOf(tuple(together)) if len(together) > 1 else together[0] if together else False
