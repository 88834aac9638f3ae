"""The records of a second count: what the store received, read by SQL, and the rules on who counts, by plain Python.

It shares nothing with the code that fills the workbooks but the two ledgers (which records are one person, which
reports are one event). It is meant to be read beside the counting rules.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from kobo_sync.config import Config

PRIORITY = (
    "court", "police", "gendarmerie", "garde", "customs", "army", "prison", "dsj", "anltp", "social",
    "labour_inspectorate", "health", "io_iom", "io_unhcr", "io_other", "ngo", "other",
)  # fmt: skip
STRONGEST_FIRST = ("les_deux", "traite_presumee", "trafic_illicite", "a_verifier", "aucun")
TRAITE, TRAFIC = {"traite_presumee", "les_deux"}, {"trafic_illicite", "les_deux"}
UNDATED = ""
"""The period of what has no date."""


@dataclass
class Victim:
    """One row of the repeat `victime` of a submission that counts."""

    record: str
    report: Report
    person: str
    day: str | None
    started: str | None
    sex: str
    age: str
    nationality: str
    exploitation: str
    status: str
    classification: str
    assistance: set[str]


@dataclass
class Offender:
    """One row of `auteur` or `passeur`: a person at a stage. `column`: sex, or legal."""

    report: Report
    person: str
    stage: str
    day: str | None
    column: str


@dataclass
class Report:
    """One submission that counts. `groups`: (nationality, sex, age group, number)."""

    key: str
    form: str
    event: str
    kind: str
    detected: str | None
    region: str
    classification: str
    others: int
    deaths: int
    transport: set[str]
    groups: list[tuple[str, str, str, int]]
    victims: list[Victim] = field(default_factory=list)
    offenders: list[Offender] = field(default_factory=list)

    @property
    def persons(self) -> int:
        return len(self.victims) + self.others + sum(n for *_, n in self.groups)


# --- three-valued logic: True, False, None = not known ----------------------------------------------------------


def both(*values: bool | None) -> bool | None:
    return False if False in values else None if None in values else True


def either(*values: bool | None) -> bool | None:
    return True if True in values else None if None in values else False


def yes_no(answer: str | None) -> bool | None:
    return {"oui": True, "non": False}.get(answer or "")


def ticked(answer: str | None, *not_enough: str) -> bool | None:
    """True for any code that is enough; False when the answer is one code that says there is none; else unknown."""
    codes = set((answer or "").split())
    if codes - {"unk", "ref", *not_enough}:
        return True
    return False if len(codes) == 1 and codes <= set(not_enough) else None


def classify(
    act: bool | None, means: bool | None, purpose: bool | None, child: bool | None,
    border: bool | None, benefit: bool | None,
) -> str:  # fmt: skip
    """Traite: act, purpose, and means unless the person is a child. Trafic: irregular entry for a benefit."""
    traite, trafic = both(act, purpose, either(means, child)), both(border, benefit)
    if traite and trafic:
        return "les_deux"
    if traite:
        return "traite_presumee"
    if trafic:
        return "trafic_illicite"
    return "a_verifier" if traite is None or trafic is None else "aucun"


# --- what was received ------------------------------------------------------------------------------------------


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Answers by the last part of their name; repeats stay lists of rows."""
    return {name.rsplit("/", 1)[-1]: value for name, value in row.items()}


def received(connection: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """submission_key -> (form, answers) of what is there: newest revision, not deleted, not in quarantine.

    In the order in which the base first saw them.
    """
    rows = connection.execute(
        """
        SELECT s.submission_key, s.form, r.raw_json FROM submission s JOIN revision r USING (submission_key)
        WHERE r.revision_no = (SELECT max(revision_no) FROM revision n WHERE n.submission_key = s.submission_key)
          AND coalesce((SELECT kind FROM deletion d WHERE d.submission_key = s.submission_key
                        ORDER BY id DESC LIMIT 1), '') <> 'deleted'
          AND s.submission_key NOT IN (SELECT submission_key FROM quarantine
                                       WHERE released_at IS NULL AND submission_key IS NOT NULL)
        ORDER BY s.first_seen_at, r.submission_time, CAST(s.remote_key AS INTEGER)
        """
    )
    return {key: (form, flat(json.loads(raw))) for key, form, raw in rows}


def refused(connection: Any, sync_account: str | None) -> set[str]:
    """Submissions whose last status by a person is « not approved » or « on hold »."""
    last = dict(
        connection.execute(
            "SELECT submission_key, uid FROM validation_state WHERE by_whom IS NOT ? ORDER BY id", (sync_account or "",)
        ).fetchall()
    )
    return {key for key, uid in last.items() if uid in ("validation_status_not_approved", "validation_status_on_hold")}


def identifiers(connection: Any, ledger: str) -> dict[str, str]:
    """Member -> identifier, once every line of the ledger has been played in order."""
    home: dict[str, str] = {}
    for action, subject, member, other in connection.execute(
        f"SELECT action, subject_id, member_key, other_id FROM {ledger} ORDER BY id"
    ):
        if action == "merge":
            home = {m: subject if held == other else held for m, held in home.items()}
        else:
            home[member] = subject
    return home


# --- from answers to persons and events -------------------------------------------------------------------------


def recorded(row: Mapping[str, Any]) -> bool:
    """A mandate or a vital interest, or the person's yes; for a child also an adult's who is not involved."""
    if row["v_c_enreg"] in ("mandat", "vital"):
        return True
    agreed = row.get("v_majorite") == "18+" or row.get("v_c_adulte") in ("responsable", "service")
    return bool(row["v_c_enreg"] == "oui" and agreed)


def age_group(row: Mapping[str, Any], day: str) -> str:
    """0-17, 18+ or unk on `day`: birth date, else age, else band, else « enfant ou adulte » (alone if not recorded)."""
    if not recorded(row):
        return str(row.get("v_majorite") or "unk")
    if born := row.get("v_date_naissance"):
        at, birth = date.fromisoformat(day), date.fromisoformat(born)
        years = at.year - birth.year - ((at.month, at.day) < (birth.month, birth.day))
    elif str(row.get("v_age")).isdigit():  # an age that can't be read is not known
        years = int(row["v_age"])
    elif row.get("v_tranche"):
        years = int(row["v_tranche"].rstrip("+").split("-")[0])
    else:
        return str(row.get("v_majorite") or "unk")
    return "0-17" if years < 18 else "18+"


def main_exploitation(ticked_codes: str | None, main: str | None) -> str:
    codes = (ticked_codes or "").split()
    return main or (codes[0] if len(codes) == 1 else "")


def detection(answers: Mapping[str, Any]) -> str | None:
    return answers.get("date_detection") or None


def started_on(answers: Mapping[str, Any]) -> str:
    return datetime.fromisoformat(answers["start"]).astimezone(ZoneInfo("Africa/Niamey")).date().isoformat()


class Records:
    """What one store holds. `reports`: submissions that count; `standing`: event -> the report that stands for it;
    `victims`: the records that carry a person × episode."""

    def __init__(self, connection: Any, config: Config) -> None:
        decided = connection.execute("SELECT count(*) FROM decision WHERE kind <> 'withdrawal'").fetchone()
        assert decided == (0,), "decisions are not recounted"
        self.config = config
        self.received = received(connection)
        self.events = identifiers(connection, "event_ledger")
        self.people = identifiers(connection, "person_ledger")
        self.kinds = {p.code: p.type for p in config.providers}
        out, seen = refused(connection, config.sync_account), set()
        self.reports: list[Report] = []
        for key, (form, answers) in self.received.items():
            if form not in ("traite", "trafic"):
                continue
            code = (form, answers["code_evenement"])
            if key not in out and code not in seen:
                self.reports.append(self._report(key, form, answers))
            seen.add(code)
        self.standing = {event: min(told, key=_standing_order) for event, told in self._by_event().items()}
        self.victims = list(self._carried())

    def _by_event(self) -> dict[str, list[Report]]:
        told = defaultdict(list)
        for report in self.reports:
            told[report.event].append(report)
        return told

    def _report(self, key: str, form: str, a: Mapping[str, Any]) -> Report:
        groups = [
            (g["g_nationalite"], sex, age, int(g.get(f"g_{name}") or 0))
            for g in map(flat, a.get("groupe", ()))
            for name, sex, age in (
                ("f_min", "F", "0-17"), ("h_min", "M", "0-17"), ("f_adu", "F", "18+"), ("h_adu", "M", "18+"),
                ("f_inc", "F", "unk"), ("h_inc", "M", "unk"), ("inconnu", "U", "unk"),
            )
        ]  # fmt: skip
        others = sum(
            int(a.get(f"nb_{name}") or 0) for name in ("f_mineures", "h_mineurs", "f_adultes", "h_adultes", "inconnus")
        )
        report = Report(
            key, form, self.events[key], self.kinds[a["entite"]], detection(a), a["det_region"],
            "", others, int(a.get("deces") or 0), set(a.get("transport", "").split()), groups,
        )  # fmt: skip
        if form == "trafic":
            report.classification = classify(
                yes_no(a.get("indice_acte")), yes_no(a.get("indice_moyen")), yes_no(a.get("indice_exploitation")),
                yes_no(a.get("indice_mineur")), yes_no(a.get("entree_irreguliere")), yes_no(a.get("avantage")),
            )  # fmt: skip
        else:
            report.victims = [self._victim(report, a, row) for row in map(flat, a.get("victime", ()))]
            found = {v.classification for v in report.victims} or {_classify_row(a, {}, None)}
            report.classification = next(c for c in STRONGEST_FIRST if c in found)
        letter = "a" if form == "traite" else "s"
        for row in map(flat, a.get("auteur", []) + a.get("passeur", [])):
            stage, day = row[f"{letter}_stade"], row.get(f"{letter}_date_stade") or None
            if day is None and stage in ("suspected", "arrested", "unk", ""):
                day = report.detected
            column = "legal" if row[f"{letter}_type"] == "legal" else row[f"{letter}_sexe"]
            person = self.people[f"{key}#{row[f'{letter}_code']}"]
            report.offenders.append(Offender(report, person, stage, day, column))
        return report

    def _victim(self, report: Report, a: Mapping[str, Any], row: Mapping[str, Any]) -> Victim:
        record = f"{report.key}#{row['v_code']}"
        day = row.get("v_date_ident") or report.detected
        status, decided_by = row.get("v_statut"), row.get("v_statut_organe")
        if not recorded(row):
            day = f"{day[:7]}-01" if day else None
            kept = "presumed"
        elif status == "NotAVictimOfTrafficking":
            kept = "not_a_victim"
        elif status == "ActualVictimOfTrafficking" and decided_by in self.config.identified_by:
            kept = "identified"
        else:
            kept = "presumed"
        age = age_group(row, day or started_on(a))
        own = row.get("v_meme_situation") == "non"
        return Victim(
            record, report, self.people[record], day, row.get("v_debut_exploitation") or None, row["v_sexe"], age,
            row.get("v_nationalite", ""),
            main_exploitation(row.get("v_exploitation"), row.get("v_exploitation_princ"))
            if own
            else main_exploitation(a.get("exploitation"), a.get("exploitation_princ")),
            kept, _classify_row(a, row, age), set(row.get("v_assistance", "").split()),
        )  # fmt: skip

    def _carried(self) -> Iterator[Victim]:
        """The one record that carries each person × episode."""
        people: dict[str, list[Victim]] = defaultdict(list)
        for victim in chain.from_iterable(r.victims for r in self.reports):
            people[victim.person].append(victim)
        for told in people.values():
            records = [v for v in told if v.status != "not_a_victim"]
            if len({v.report.key for v in told}) == 1 and self.standing[told[0].report.event] is not told[0].report:
                continue  # another report of the event stands, and nothing else is known of the person
            for episode in _episodes(records):
                in_series = [v for v in episode if v.classification in TRAITE]
                yield min(
                    in_series or episode,
                    key=lambda v: (v.status != "identified", v.day or "9999", PRIORITY.index(v.report.kind), v.record),
                )

    def silent(self, quarter: str) -> list[str]:
        """Providers expected in a quarter of which no submission is dated in it."""
        first, last = bounds(quarter)
        heard = {a["entite"] for _, a in self.received.values() if first <= (detection(a) or "") <= last}
        return [p.code for p in self.config.providers if p.since.isoformat() <= last and p.code not in heard]

    def expected(self, quarter: str) -> list[str]:
        return [p.code for p in self.config.providers if p.since.isoformat() <= bounds(quarter)[1]]


def _standing_order(report: Report) -> tuple[int, int, str]:
    return PRIORITY.index(report.kind), -report.persons, report.key


def _classify_row(a: Mapping[str, Any], row: Mapping[str, Any], age: str | None) -> str:
    """Classification of a victim's row of the form traite, or of the event's own facts (no row, age None)."""
    own = "v_" if row.get("v_meme_situation") == "non" else ""
    facts = row if own else a
    at_the_facts = yes_no(row.get("v_mineur_faits"))
    child = at_the_facts if age == "18+" or at_the_facts else None
    domestic = a.get("portee") == "domestic"
    return classify(
        ticked(facts.get(f"{own}actes"), "none"),
        ticked(facts.get(f"{own}moyens"), "none"),
        ticked(facts.get(f"{own}exploitation"), "none", "child_labour"),
        True if age == "0-17" else child,
        False if domestic else yes_no(a.get("entree_irreguliere")),
        yes_no(a.get("avantage")),
    )


def _episodes(records: list[Victim]) -> list[list[Victim]]:
    """A record whose exploitation began after an earlier identification opens a new episode."""
    episodes: list[list[Victim]] = []
    known: list[str] = []
    for victim in sorted(records, key=lambda v: (v.day or "9999", v.record)):
        if not episodes or (victim.started and known and victim.started > max(known)):
            episodes.append([])
        episodes[-1].append(victim)
        if victim.day:
            known.append(victim.day)
    return episodes


def quarters(period: str) -> list[str]:
    year, part = period.split("-")
    return [period] if part[0] == "T" else [f"{year}-T{q}" for q in ((1, 2) if part == "S1" else (3, 4))]


def bounds(period: str) -> tuple[str, str]:
    """First and last day of a quarter (2026-T1) or semester (2026-S1), both within; UNDATED holds no day."""
    if period == UNDATED:
        return "", ""
    year, first, last = period[:4], quarters(period)[0][-1], quarters(period)[-1][-1]
    return f"{year}-{int(first) * 3 - 2:02}-01", f"{year}-{int(last) * 3:02}-31"
