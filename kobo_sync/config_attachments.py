"""The section `attachments` of config.yaml: the forms whose files are fetched; none where nothing is written."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from kobo_sync.config_checks import form_name, yes_no

Attachments = dict[Annotated[str, AfterValidator(form_name)], Annotated[bool, BeforeValidator(yes_no)]]
