"""Errors of the data themselves, in the words of the person who has to correct them."""

from __future__ import annotations


class TransformError(Exception):
    """Base of what the transforms raise."""


class MappingError(TransformError):
    """A submission that can't be read: kept aside with its reasons, counted and shown.

    `reasons` holds (question, reason code, French message), every one that was found, not the first only.
    """

    def __init__(self, reasons: list[tuple[str, str, str]]) -> None:
        self.reasons = reasons
        super().__init__(self.message)

    @property
    def reason_code(self) -> str:
        """The reason codes, most telling first, without repetition."""
        return " ".join(dict.fromkeys(code for _, code, _ in self.reasons))

    @property
    def message(self) -> str:
        """All messages, one sentence each."""
        return " ".join(message for _, _, message in self.reasons)
