"""The QR code that sets up KoboCollect or ODK Collect for one agent: server and account, never a password.

Collect reads base64 of zlib-compressed JSON with three parts: `general` (settings), `admin` (which settings and menus
the agent may reach; what is left out is open) and `project` (the name shown). What the code leaves out goes back to
Collect's default, so everything that matters here is written, also where it is the default. The phone asks for the
password when it first speaks to the server; the password of the protected settings is set by hand on each phone.
"""

import base64
import io
import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import fontpkg
import segno
from PIL import Image, ImageDraw, ImageFont

PROJECT = {"name": "ANLTP/TIM", "icon": "A", "color": "#1f5f8b"}

GENERAL: dict[str, Any] = {
    "protocol": "odk_default",
    "app_language": "fr",
    # Phones always hold the deployed forms and no other.
    "form_update_mode": "match_exactly",
    "periodic_form_updates_check": "every_24_hours",  # data cost money, and forms change rarely
    "automatic_update": True,
    "hide_old_form_versions": True,
    # A form leaves the phone as soon as it can, and leaves nothing behind.
    "autosend": "wifi_and_cellular",
    "delete_send": True,
    "constraint_behavior": "on_swipe",
    "external_app_recording": False,
    "analytics": False,
}

OPEN = ("edit_saved", "send_finalized", "delete_saved", "moving_backwards", "change_language", "jump_to", "save_mid")
"""What an agent needs: drafts taken up again, sent or thrown away, and to move about in a form."""

LOCKED = (
    # Sent forms stay out of sight, and `match_exactly` brings forms by itself.
    "view_sent", "get_blank",
    "change_server", "change_project_display", "change_app_theme", "change_app_language", "change_font_size",
    "change_navigation", "maps",
    "form_update_mode", "periodic_form_updates_check", "automatic_update", "hide_old_form_versions",
    "change_autosend", "delete_after_send", "change_constraint_behavior", "high_resolution", "image_size",
    "guidance_hint", "external_app_recording", "instance_form_sync", "change_form_metadata", "analytics",
    "access_settings",
)  # fmt: skip
"""What stays behind the password of the protected settings."""


def settings_of(server: str, username: str) -> dict[str, dict[str, Any]]:
    """The settings of one agent's phone."""
    return {
        "general": {"server_url": server, "username": username, **GENERAL},
        "admin": {**dict.fromkeys(OPEN, True), **dict.fromkeys(LOCKED, False)},
        "project": dict(PROJECT),
    }


def encode(settings: dict[str, dict[str, Any]]) -> str:
    """The text that the QR code holds."""
    text = json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")


def decode(text: str) -> dict[str, dict[str, Any]]:
    """The settings that a QR code's text holds."""
    found: dict[str, dict[str, Any]] = json.loads(zlib.decompress(base64.b64decode(text)))
    return found


def write_qr(server: str, username: str, path: Path, body: str = "") -> None:
    """Write the code as a PNG, to be printed about 8 cm wide, with whose it is under it. Its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The lowest correction gives the coarsest dots, which a cheap camera reads best from a clean print.
    code = segno.make_qr(encode(settings_of(server, username)), error="l")
    drawn = io.BytesIO()
    code.save(drawn, kind="png", scale=8, border=4)
    with Image.open(drawn) as dots:
        # Codes printed together look alike: one given to another agent would send cases under a wrong body.
        lines = [(username, 600, 44), (body, 400, 32), (server, 400, 32)]
        image = Image.new("1", (dots.width, dots.height + 190), 1)
        image.paste(dots, (0, 0))
    draw, top = ImageDraw.Draw(image), image.height - 190
    for text, weight, size in lines:
        for line in _cut(text, weight, size, image.width - 60):
            draw.text((image.width / 2, top), line, fill=0, font=_font(weight, size), anchor="ma")
            top += size + 10
    image.save(path)


def _cut(text: str, weight: int, size: int, width: int) -> list[str]:
    """At most two lines of a text, the second shortened to fit."""
    font, lines = _font(weight, size), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or len(lines) == 2 or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    while len(lines[-1]) > 2 and font.getlength(lines[-1]) > width:
        lines[-1] = lines[-1].removesuffix("…")[:-1] + "…"
    return [line for line in lines if line]


@cache
def _font(weight: int, size: int) -> ImageFont.FreeTypeFont:
    content = Path(fontpkg.path("Fira Sans Condensed", weight, "normal")).read_bytes()
    return ImageFont.truetype(io.BytesIO(content), size)
