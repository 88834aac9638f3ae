"""A second count of the demonstration, by other means: every table of the plan, from the records (recount_records.py).

Of the code that fills the workbooks it shares only the labels of the code lists and of the places.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.recount_records import TRAFIC, TRAITE, UNDATED, Offender, Records, Report, Victim, bounds, quarters

DATA = Path(__file__).parents[1] / "transforms" / "data"
ALL = "Ensemble"
ANSWERED_PERSONS, ANSWERED_EVENTS = "Personnes avec une réponse connue", "Événements avec un moyen connu"
UNANSWERED = "Sans réponse"
BY_REGION = {"7", "13", "16", "17"}

Cells = Counter[tuple[str, str]]
"""(label of the row, label of the column) -> number. A row « dont … » is named « row above — dont … »."""
Facts = Iterable[tuple[str, str, int]]
STATUS = {"identified": "Victimes identifiées", "presumed": "Victimes présumées"}
SEX_OR_LEGAL = {"F": "Féminin", "M": "Masculin", "U": "Inconnu", "legal": "Personne morale"}


def _labels() -> dict[tuple[str, str], str]:
    with (DATA / "code_lists.csv").open(encoding="utf-8", newline="") as file:
        labels = {(r["variable"], r["code"]): r["label_fr"] for r in csv.DictReader(file)}
    with (DATA / "places.csv").open(encoding="utf-8", newline="") as file:
        return labels | {("region", r["pcode"]): r["label"] for r in csv.DictReader(file) if r["level"] == "region"}


def _wider() -> dict[str, str]:
    """Each sub-form of exploitation and the form that it counts in."""
    with (DATA / "code_lists.csv").open(encoding="utf-8", newline="") as file:
        return {r["code"]: r["parent"] for r in csv.DictReader(file) if r["variable"] == "evt_exploitation"}


class Recount(Records):
    """The counts of one store. A period is a quarter (2026-T1), a semester (2026-S1) or UNDATED."""

    labels = _labels()
    wider = _wider()

    def forms(self, code: str) -> Iterator[str]:
        """The row of a main form of exploitation, and the « dont » row beneath it; a refusal is not known."""
        code = "unk" if code == "ref" else code
        parent = self.wider.get(code)
        yield self.label("evt_exploitation", parent or code)
        if parent:
            name = self.label("evt_exploitation", parent)
            yield f"{name} — dont : {self.label('evt_exploitation', code)}"

    def label(self, variable: str, code: str) -> str:
        return self.labels[variable, code] if code else UNANSWERED

    def standing_reports(self, series: set[str], period: str) -> list[Report]:
        first, last = bounds(period)
        return [
            r for r in self.standing.values() if r.classification in series and first <= (r.detected or "") <= last
        ]  # fmt: skip

    def trafficked(self, period: str, status: str | None = None) -> list[Victim]:
        """Victims of trafficking of a period, of one status if given."""
        first, last = bounds(period)
        return [
            v for v in self.victims
            if v.classification in TRAITE and first <= (v.day or "") <= last and status in (None, v.status)
        ]  # fmt: skip

    def migrants(self, period: str) -> Iterator[tuple[str, str, str, int]]:
        """(nationality, sex, age group, number) of the migrants smuggled: groups, and rows of the form traite."""
        for report in self.standing_reports(TRAFIC, period):
            yield from report.groups
        first, last = bounds(period)
        for v in self.victims:
            if v.classification in TRAFIC and first <= (v.report.detected or "") <= last:
                yield v.nationality, v.sex, v.age, 1

    def offenders(self, form: str, series: set[str], period: str) -> Iterator[Offender]:
        """Once per person, event and stage, at the earliest date of the act."""
        first, last = bounds(period)
        acts: dict[tuple[str, str, str], list[Offender]] = defaultdict(list)
        told_by: dict[str, set[str]] = defaultdict(set)
        for report in self.reports:
            for offender in report.offenders:
                told_by[offender.person].add(report.key)
        for report in self.reports:
            standing = self.standing[report.event]
            for offender in report.offenders:
                alone = len(told_by[offender.person]) == 1 and standing is not report
                if report.form == form and standing.classification in series and not alone:
                    acts[offender.person, report.event, offender.stage].append(offender)
        for told in acts.values():
            earliest = min(told, key=lambda o: (o.day or "9999", o.report.key))
            if first <= (earliest.day or "") <= last:
                yield earliest

    def table(self, number: str, period: str) -> Cells:
        """Every cell of a table that is not zero, totals included."""
        return _with_totals(getattr(self, f"_table_{number}")(period))

    def _table_1(self, period: str) -> Facts:
        for name, dont, series in (
            ("Traite des personnes", "dont aussi trafic illicite (« les deux »)", TRAITE),
            ("Trafic illicite de migrants", "dont aussi traite (« les deux »)", TRAFIC),
        ):
            for report in self.standing_reports(series, period):
                yield name, _quarter(report), 1
                if report.classification == "les_deux":
                    yield f"{name} — {dont}", _quarter(report), 1

    def _table_2(self, period: str) -> Facts:
        for v in self.trafficked(period):
            name = STATUS[v.status]
            yield name, self.label("sex", v.sex), 1
            if v.age == "0-17":
                yield f"{name} — dont enfants (0 à 17 ans)", self.label("sex", v.sex), 1

    def _table_3(self, period: str) -> Facts:
        for v in self.trafficked(period, "identified"):
            yield self.label("age_group", v.age), self.label("sex", v.sex), 1

    def _table_4(self, period: str) -> Facts:
        for v in self.trafficked(period, "identified"):
            for form in self.forms(v.exploitation):
                yield form, self.label("sex", v.sex), 1

    def _table_5(self, period: str) -> Facts:
        for v in self.trafficked(period, "identified"):
            for form in self.forms(v.exploitation):
                yield form, self.label("age_group", v.age), 1

    def _table_6(self, period: str) -> Facts:
        for v in self.trafficked(period, "identified"):
            yield self.label("country", v.nationality), self.label("sex", v.sex), 1

    def _table_7(self, period: str) -> Facts:
        for v in self.trafficked(period):
            yield self.label("region", v.report.region), STATUS[v.status], 1

    def _table_8(self, period: str) -> Facts:
        for v in self.trafficked(period):
            yield self.label("ent_type", v.report.kind), STATUS[v.status], 1

    def _table_9(self, period: str) -> Facts:
        for o in self.offenders("traite", TRAITE, period):
            yield self.label("per_cj_stage", o.stage), SEX_OR_LEGAL[o.column], 1

    def _table_10(self, period: str) -> Facts:
        for v in self.trafficked(period, "identified"):
            for code in v.assistance:
                yield self.label("vic_support", code), self.label("sex", v.sex), 1
            if v.assistance - {"unk", "ref"}:
                yield ANSWERED_PERSONS, self.label("sex", v.sex), 1

    def _table_11(self, period: str) -> Facts:
        for nationality, sex, _, n in self.migrants(period):
            yield self.label("country", nationality), self.label("sex", sex), n

    def _table_12(self, period: str) -> Facts:
        for _, sex, age, n in self.migrants(period):
            yield self.label("age_group", age), self.label("sex", sex), n

    def _table_13(self, period: str) -> Facts:
        for report in self.standing_reports(TRAFIC, period):
            yield self.label("region", report.region), _quarter(report), 1

    def _table_14(self, period: str) -> Facts:
        for report in self.standing_reports(TRAFIC, period):
            for code in report.transport:
                yield self.label("transport_means", code), _quarter(report), 1
            if report.transport - {"unk"}:
                yield ANSWERED_EVENTS, _quarter(report), 1

    def _table_15(self, period: str) -> Facts:
        for o in self.offenders("trafic", TRAFIC, period):
            yield self.label("per_cj_stage", o.stage), SEX_OR_LEGAL[o.column], 1

    def _table_16(self, period: str) -> Facts:
        for report in self.standing_reports(TRAITE, period):
            yield self.label("region", report.region), _quarter(report), report.others

    def _table_17(self, period: str) -> Facts:
        for report in self.standing_reports(TRAFIC, period):
            yield self.label("region", report.region), _quarter(report), report.deaths

    def silent_rows(self, number: str, period: str) -> set[str] | None:
        """Rows where a zero may not be printed; None: every row. A region’s row is its providers’ own."""
        codes = {code for quarter in quarters(period) for code in self.silent(quarter)}
        if not codes:
            return set()
        if number not in BY_REGION:
            return None
        return {ALL} | {self.label("region", p.region) for p in self.config.providers if p.code in codes}

    def undated(self, number: str) -> int:
        """Persons or events of a table that belong to no period, for want of a date."""
        match number:
            case "1":  # an event that is in both series is one event
                return len(self.standing_reports(TRAITE | TRAFIC, UNDATED))
            case "10":
                return len(self.trafficked(UNDATED, "identified"))
            case "14":
                return len(self.standing_reports(TRAFIC, UNDATED))
        return self.table(number, UNDATED)[ALL, ALL]

    def key_figures(self, quarter: str) -> dict[str, int | str]:
        """Title of each figure of the summary -> what is printed under it."""
        traite, trafic = self.standing_reports(TRAITE, quarter), self.standing_reports(TRAFIC, quarter)
        expected = self.expected(quarter)
        return {
            "Événements de traite": len(traite),
            "Victimes identifiées": len(self.trafficked(quarter, "identified")),
            "Victimes présumées": len(self.trafficked(quarter, "presumed")),
            "Victimes connues par un nombre seulement": sum(r.others for r in traite),
            "Événements de trafic illicite": len(trafic),
            "Migrants objet d’un trafic": sum(n for *_, n in self.migrants(quarter)),
            "Décès de migrants": sum(r.deaths for r in trafic),
            "Déclarations reçues": f"{len(expected) - len(self.silent(quarter))} / {len(expected)}",
        }


def _quarter(report: Report) -> str:
    if not report.detected:
        return UNDATED
    return f"{report.detected[:4]}-T{(int(report.detected[5:7]) + 2) // 3}"


def _with_totals(facts: Facts) -> Cells:
    cells: Cells = Counter()
    for row, column, n in facts:
        cells[row, column] += n
        cells[row, ALL] += n
        if " — dont " not in row and row not in (ANSWERED_PERSONS, ANSWERED_EVENTS):
            cells[ALL, column] += n
            cells[ALL, ALL] += n
    return cells
