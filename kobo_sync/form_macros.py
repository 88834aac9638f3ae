"""Expressions that a form says in one word: the case code and its check, permanent numbers, the key of a name.

A macro may stand in any expression cell of `survey.csv` (calculation, relevant, constraint, required, default,
choice_filter, repeat_count), alone or in a longer expression, and an argument may be any expression, macros included.

    @label(classification, ${classement_evt})   French label of a code, as nested if()
    @family(${org_type})                        family of a kind of body: `justice_securite` or `protection`, else empty
    @draw7                                      seven drawn characters; always inside once(): once(@draw7)
    @draw_number                                a whole number 0..30, for tirage_n: once(@draw_number)
    @drawn_code(${tirage}, ${tirage_n})         the nine characters of the case code, check character included
    @code_is_valid(${code_normal})              true when nine characters bear their check; argument: a normalised code
    @normal_code(${code_cas})                   upper case, without spaces, hyphens and dots. In a constraint:
                                                @code_is_valid(@normal_code(.))
    @shown_code(${code_evenement})              three groups of three, to be read by people
    @next_number(migrant, m_num)                permanent number of a repeat's instance, in the `default` column (below)
    @name_fold(${v_nom_entier})                 a name folded to what survives usual spellings, words apart by a space
    @name_word(${v_nom_plie}, 1)                the first word (of four) of a folded name, twelve letters at most
    @name_key(${v_nom_mot1}, ${v_nom_mot2}, ${v_nom_mot3}, ${v_nom_mot4})   the key: `mt.sb`

`@form_release` belongs to `forms`.

**Permanent numbers.** `m_num` is a row of type `hidden`, first in its repeat (not in a group), with
`@next_number(migrant, m_num)` in the column `default`: pyxform writes a `setvalue` that runs once, when the instance
is made, so that nothing recomputes it when another instance is deleted. It is 1 + the largest number present:
of three, delete the second, and the next one is 4. The code is then a plain calculate,
`concat(${code_evenement}, '-M', ${m_num})`.

**The key of a name**, for Python the same as `transforms.linkage_key`: each character through `name_fold.csv` of
`transforms/data`; one that is not listed vanishes (apostrophes, dots, digits). `folded` is a class letter,
`h` (written as one likes, or not at all: vowels, w, h) or a space (what parts words: space, hyphen). Then the words,
the first four; in each, the `h` go, the first twelve letters stay, and of equal neighbours one; a word of nothing but
`h` is `h`. No letters at all: no key.
"""

import csv
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from transforms import case_code, codelists

EXPRESSIONS = ("calculation", "relevant", "constraint", "required", "default", "choice_filter", "repeat_count")
FOLD = Path(codelists.__file__).parent / "data" / "name_fold.csv"
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
KEY_LETTERS = 12
"""Letters of a folded word that the key looks at."""


def fill(expression: str) -> str:
    """An expression with its macros written out. Raises ValueError where one is not written as it should be."""
    while found := list(re.finditer(r"@(?!form_release\b)(\w+)", expression)):
        start = found[-1]  # the last one holds no other
        if start[1] not in MACROS:
            raise ValueError(f"macro inconnue : @{start[1]}")
        arguments, end = _arguments(expression, start.end())
        try:
            text = MACROS[start[1]](*arguments)
        except TypeError as error:
            raise ValueError(f"@{start[1]} : {len(arguments)} argument(s) ne conviennent pas") from error
        expression = expression[: start.start()] + text + expression[end:]
    return expression


def _arguments(text: str, start: int) -> tuple[list[str], int]:
    """The arguments in parentheses that begin at `start`, and where they end; none when no parenthesis is there."""
    if not text.startswith("(", start):
        return [], start
    depth, quote, last = 0, "", start + 1
    arguments = []
    for at in range(start, len(text)):
        letter = text[at]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        if not quote and ((letter == "," and depth == 1) or depth == 0):
            arguments.append(text[last:at].strip())
            last = at + 1
        if depth == 0:
            return arguments, at + 1
    raise ValueError(f"parenthèse non fermée : {text[start : start + 40]}")


# -- the case code ----------------------------------------------------------------------------------------------


def label(variable: str, value: str) -> str:
    """French label of a code of the code list."""
    text = "''"
    for code, wording in reversed(codelists.labels(variable).items()):
        text = f"if({value} = '{code}', '{wording}', {text})"
    return text


def family(ent_type: str) -> str:
    """Family of a kind of body, by the code list; empty while there is no answer, or no body."""
    text = "''"
    for name in codelists.codes("ent_family"):
        kinds = [code for code in codelists.codes("ent_type") if codelists.family(code) == name]
        one_of_them = " or ".join(f"{ent_type} = '{code}'" for code in kinds)
        text = f"if({one_of_them}, '{name}', {text})"
    return text


def draw7() -> str:
    """Seven characters of the case code's alphabet."""
    one = f"selected-at('{' '.join(case_code.ALPHABET)}', int(random() * {len(case_code.ALPHABET)}))"
    return f"concat({', '.join([one] * case_code.DRAWN)})"


def draw_number() -> str:
    """Which eighth character: 0 to 30."""
    return f"int(random() * {len(case_code.ALPHABET)})"


def drawn_code(drawn: str, number: str) -> str:
    """The code of seven drawn characters and a number; empty while one of them is.

    The last two characters hang on the state of the check after seven (1 to 36) and on the number: they are read
    from a table of all pairs, so that the long expression of the state stands in the form once.
    """
    size = len(case_code.ALPHABET)
    at = f"2 * ({size} * ({_state(drawn, case_code.DRAWN)} - 1) + {number})"
    return f"if({drawn} = '' or {number} = '', '', concat({drawn}, substr(substr('{_endings()}', {at}), 0, 2)))"


def code_is_valid(code: str) -> str:
    """Whether a normalised code has nine characters of the alphabet and the right check (ISO 7064 MOD 37,36)."""
    size = case_code.DRAWN + 1
    check = f"({_state(code, size)} + {_value(code, size)}) mod 36 = 1"
    return f"(regex({code}, '^[2-9A-HJKMNP-Z]{{9}}$') and {check})"


def normal_code(code: str) -> str:
    """A code as typed, in upper case and without what people put between its groups."""
    letters = ALPHANUMERIC[10:]
    return f"translate({code}, '{letters.lower()} .-–—', '{letters}')"


def shown_code(code: str) -> str:
    """A code in three groups of three."""
    return f"concat(substr({code}, 0, 3), ' ', substr({code}, 3, 6), ' ', substr({code}, 6, 9))"


def _value(code: str, at: int) -> str:
    return f"string-length(substring-before('{ALPHANUMERIC}', substr({code}, {at}, {at + 1})))"


def _state(code: str, size: int) -> str:
    """State of the check after `size` characters, 1 to 36."""
    state = "36"
    for at in range(size):
        state = f"((2 * ((({state} + {_value(code, at)} - 1) mod 36) + 1)) mod 37)"
    return state


@cache
def _endings() -> str:
    """Eighth and check character for every state after seven characters and every number."""
    first: dict[int, str] = {}
    letters = iter(f"22222{a}{b}" for a in case_code.ALPHABET for b in case_code.ALPHABET)
    while len(first) < 36:
        seven = next(letters)
        state = 36
        for letter in seven:
            state = 2 * ((state + ALPHANUMERIC.index(letter) - 1) % 36 + 1) % 37
        first.setdefault(state, seven)
    numbers = range(len(case_code.ALPHABET))
    return "".join(case_code.complete(first[state], number)[-2:] for state in range(1, 37) for number in numbers)


# -- permanent numbers ------------------------------------------------------------------------------------------


def next_number(repeat: str, number: str) -> str:
    """1 + the largest number of the repeat's instances; for the `default` of a `hidden` row at the repeat's top."""
    given = f"../../{repeat}/{number}[. != '']"
    return f"if(count({given}) = 0, 1, 1 + max({given}))"


# -- the key of a name ------------------------------------------------------------------------------------------


@cache
def _fold() -> tuple[str, str]:
    with FOLD.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    folded = "".join(row["folded"] for row in rows)
    return "".join(row["letter"] for row in rows), folded.replace(" ", ".")  # pyxform makes one space of several


def name_fold(name: str) -> str:
    """A name in class letters, `h` and single spaces."""
    letters, folded = _fold()
    through = f"translate({name}, '{letters}.', '{folded}')"  # a typed dot vanishes: dots stand for spaces here
    heard = f"translate({through}, translate({through}, 'bhlmnrst.', ''), '')"
    return f"normalize-space(translate({heard}, '.', ' '))"


def name_word(folded: str, which: str) -> str:
    """One word of a folded name, without its `h`; `h` when it has nothing else, empty when there is no such word."""
    word = f"concat({folded}, ' ')"
    for _ in range(int(which) - 1):
        word = f"substring-after({word}, ' ')"
    word = f"substring-before({word}, ' ')"
    return f"if(regex({word}, '^h+$'), 'h', substr(translate({word}, 'h', ''), 0, {KEY_LETTERS}))"


def name_key(first: str, *others: str) -> str:
    """Words of a folded name, of equal neighbours one, joined by dots."""
    words = [_without_doubles(first), *(f"if({word} = '', '', '.'), {_without_doubles(word)}" for word in others)]
    return f"concat({', '.join(words)})"


def _without_doubles(word: str) -> str:
    def letter(at: int) -> str:
        return f"substr({word}, {at}, {at + 1})"

    return ", ".join(
        [letter(0), *(f"if({letter(at)} = {letter(at - 1)}, '', {letter(at)})" for at in range(1, KEY_LETTERS))]
    )


MACROS: dict[str, Callable[..., str]] = {
    "label": label,
    "family": family,
    "draw7": draw7,
    "draw_number": draw_number,
    "drawn_code": drawn_code,
    "code_is_valid": code_is_valid,
    "normal_code": normal_code,
    "shown_code": shown_code,
    "next_number": next_number,
    "name_fold": name_fold,
    "name_word": name_word,
    "name_key": name_key,
}
