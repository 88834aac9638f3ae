"""Splink on DuckDB, in memory: candidate pairs and their match weights. Nothing is written to disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.linkage.model import COMPARISONS, splink_settings


@dataclass(frozen=True)
class ScoredPairs:
    """Candidate pairs, left < right as positions in the prepared rows, in that order."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]  # log2 of the odds, prior included
    levels: dict[str, npt.NDArray[np.int64]]  # comparison -> position of its level; -1: a value is missing


def score_pairs(
    rows: list[dict[str, Any]],
    levels: dict[str, dict[str, list[float]]],
    prior: float,
    least_weight: float | None,
    memory: str = "1GB",
) -> ScoredPairs:
    """Score the candidate pairs of prepared rows (ordered by record_id); keep weights >= least_weight (bits)."""
    if len(rows) < 2:
        nothing = np.empty(0, dtype=np.int64)
        return ScoredPairs(nothing, nothing, np.empty(0), dict.fromkeys(COMPARISONS, nothing))
    # Imported here: they take a second, and most commands never link.
    import duckdb
    import pyarrow as pa
    from splink import DuckDBAPI, Linker

    # No temporary directory and no extension download: names must not leave the memory of this process.
    connection = duckdb.connect(
        ":memory:",
        config={
            "temp_directory": "",
            "memory_limit": memory,
            "threads": 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        connection.execute("SET enable_external_access = false")  # after the directory, which it locks
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        # Positions stand for the identifiers: Splink orders a pair by them, and they are our order.
        columns["record_id"] = list(range(len(rows)))
        table = pa.table(columns, schema=_schema(pa, rows[0]))
        api = DuckDBAPI(connection)
        linker = Linker(api.register(table), splink_settings(levels, prior), log_level=None)
        scored = linker.inference.predict(threshold_match_weight=least_weight)
        gammas = ", ".join(f"gamma_{name}" for name in COMPARISONS)
        found: dict[str, npt.NDArray[Any]] = connection.execute(
            f"SELECT record_id_l, record_id_r, match_weight, {gammas} FROM {scored.physical_name} ORDER BY 1, 2"
        ).fetchnumpy()  # type: ignore[assignment]  # duckdb also names pandas categories, of which there are none
    finally:
        connection.close()
    return ScoredPairs(
        left=found["record_id_l"].astype(np.int64),
        right=found["record_id_r"].astype(np.int64),
        weight=found["match_weight"].astype(np.float64),
        levels={name: _positions(name, found[f"gamma_{name}"]) for name in COMPARISONS},
    )


def _positions(name: str, gamma: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Splink numbers levels downwards from the best; here 0 is the best and -1 stays "missing"."""
    values = gamma.astype(np.int64)
    return np.where(values < 0, -1, len(COMPARISONS[name][1]) - 1 - values)


def _schema(pa: Any, names: Iterable[str]) -> Any:
    """Types are said, so that a column of nulls is still text or a number."""
    words, flags = pa.list_(pa.string()), pa.bool_()
    others = {
        "record_id": pa.int64(), "tokens": words, "initials": words, "letters": words, "name_bits": pa.float64(),
        "given_bits": pa.float64(), "given_listed": flags, "family_listed": flags, "word_listed": flags,
        "birth_year": pa.int64(), "day": pa.int64(),
    }  # fmt: skip
    return pa.schema([(name, others.get(name, pa.string())) for name in names])
