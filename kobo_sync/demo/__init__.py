"""The demonstration's cases: who sends what and when, and the phones that send it to a server."""
