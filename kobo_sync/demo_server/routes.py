"""The addresses of the demo server, with the `Allow` header each shows."""

from __future__ import annotations

from kobo_sync.demo_server import (
    accounts,
    assets,
    attachments,
    data,
    data_bulk,
    deployment,
    history,
    imports,
    media,
    openrosa,
    permission_views,
)
from kobo_sync.demo_server.web import Resource

_READ = "GET, HEAD, OPTIONS"
_LIST = "GET, POST, HEAD, OPTIONS"
_ONE = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
_ASSET = "/api/v2/assets/{uid}/"

RESOURCES = (
    Resource("/token/", "GET, POST, DELETE, HEAD, OPTIONS", {"GET": accounts.token}),
    Resource("/me/", "GET, PATCH, DELETE, HEAD, OPTIONS", {"GET": accounts.me}),
    Resource("/api/v2/users/{name}/", _READ, {"GET": accounts.read_user}),
    Resource("/api/v2/permissions/", _READ, {"GET": permission_views.list_permissions}),
    Resource("/api/v2/imports/", _LIST, {"POST": imports.create}),
    Resource("/api/v2/imports/{uid}/", _READ, {"GET": imports.read}),
    Resource("/api/v2/assets/", _LIST, {"GET": assets.list_assets}),
    Resource(_ASSET, _ONE, {"GET": assets.read, "DELETE": assets.delete}),
    Resource(f"{_ASSET}versions/", _LIST, {"GET": assets.versions}),
    Resource(f"{_ASSET}versions/{{version}}/", _READ, {"GET": assets.read_version}),
    Resource(
        f"{_ASSET}deployment/",
        "GET, POST, PATCH, HEAD, OPTIONS",
        {"GET": deployment.read, "POST": deployment.create, "PATCH": deployment.update},
    ),
    Resource(f"{_ASSET}files/", _LIST, {"GET": media.list_files, "POST": media.upload}),
    Resource(f"{_ASSET}files/{{file}}/", _ONE, {"GET": media.read, "DELETE": media.delete}),
    Resource(f"{_ASSET}files/{{file}}/content/", _READ, {"GET": media.download}),
    Resource(f"{_ASSET}history/", _READ, {"GET": history.read}),
    Resource(
        f"{_ASSET}permission-assignments/",
        _LIST,
        {"GET": permission_views.list_assignments, "POST": permission_views.assign},
    ),
    Resource(f"{_ASSET}permission-assignments/bulk/", "POST, DELETE, OPTIONS", {"POST": permission_views.replace_all}),
    Resource(
        f"{_ASSET}permission-assignments/{{assignment}}/",
        "GET, DELETE, HEAD, OPTIONS",
        {"GET": permission_views.read_assignment, "DELETE": permission_views.withdraw},
    ),
    Resource(f"{_ASSET}attachments/bulk/", "DELETE", {"DELETE": attachments.delete_many}),
    Resource(f"{_ASSET}attachments/{{file}}/", "DELETE", {"DELETE": attachments.delete_one}),
    Resource(f"{_ASSET}data/", _READ, {"GET": data.list_rows}),
    Resource(
        f"{_ASSET}data/bulk/",
        "PATCH, DELETE, OPTIONS",
        {"PATCH": data_bulk.edit_many, "DELETE": data_bulk.delete_many},
    ),
    Resource(
        f"{_ASSET}data/validation_statuses/",
        "PATCH, DELETE, OPTIONS",
        {"PATCH": data_bulk.review_many, "DELETE": data_bulk.clear_many},
    ),
    Resource(
        f"{_ASSET}data/{{number}}/",
        "GET, DELETE, HEAD, OPTIONS",
        {"GET": data.read_row, "DELETE": data.delete_row},
    ),
    Resource(f"{_ASSET}data/{{number}}/duplicate/", "POST, OPTIONS", {"POST": data.duplicate}),
    Resource(
        f"{_ASSET}data/{{number}}/validation_status/",
        "GET, PATCH, DELETE, HEAD, OPTIONS",
        {"GET": data_bulk.read_status, "PATCH": data_bulk.review_one, "DELETE": data_bulk.clear_one},
    ),
    Resource(f"{_ASSET}data/{{number}}/attachments/", _READ, {"GET": attachments.by_question}),
    Resource(f"{_ASSET}data/{{number}}/attachments/{{file}}/", _READ, {"GET": attachments.by_uid}),
    Resource("/formList", _READ, {"GET": openrosa.form_list}, "xforms"),
    Resource("/forms/{pk}/form.xml", _READ, {"GET": openrosa.form_xml}, "xforms"),
    Resource("/xformsManifest/{pk}", _READ, {"GET": openrosa.manifest}, "manifest"),
    Resource("/xformsMedia/{pk}/{file}", _READ, {"GET": openrosa.form_media}, "json"),
    Resource("/submission", "POST, HEAD, OPTIONS", {"POST": openrosa.submit, "HEAD": openrosa.announce}, "root"),
)
