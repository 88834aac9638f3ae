"""A Kobo-compatible server over a real socket, for the demo and the tests.

It keeps everything in one SQLite file and answers as a real server was recorded to answer, traps included.
Exports, REST hooks, GeoJSON and thumbnails are not there: 404.
"""

from kobo_sync.demo_server.auth import User
from kobo_sync.demo_server.server import run, serve
from kobo_sync.demo_server.storage import RequestLine, requests

__all__ = ["RequestLine", "User", "requests", "run", "serve"]
