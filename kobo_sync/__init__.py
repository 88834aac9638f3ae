"""Everything that touches a server, a file of ours or a clock: client, store, pull, nightly run, command line."""

__version__ = "0.1.0"
