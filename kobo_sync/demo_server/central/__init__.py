"""An ODK Central-compatible server over a real socket, for the tests: it answers as a real one was recorded to answer.

Not imitated: comments, diffs, exports (CSV, ZIP), `$metadata`, repeat tables (`Submissions.x.y`), `$wkt`, entities and
datasets, public links, form files (media), closing and closed forms, deleted forms, formList and manifest of phones,
XLSForm warnings, decryption, roles beyond manager, viewer, formfill and app-user, Basic authentication, verbs,
`Accept` and `OData-MaxVersion`, the places that errors of a filter name.
"""

from kobo_sync.demo_server.central.server import serve_central
from kobo_sync.demo_server.central.storage import Person, purge

__all__ = ["Person", "purge", "serve_central"]
