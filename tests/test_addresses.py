"""What counts as this machine, and as the same server."""

import pytest

from kobo_sync.addresses import is_loopback, origin


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://LOCALHOST", "http://127.0.0.1:8", "http://127.1.2.3",
                                 "http://[::1]:80/api"])  # fmt: skip
def test_this_machine(url):
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["https://kf.kobotoolbox.org", "http://10.0.0.1", "http://localhost.example.org",
                                 "http://127.0.0.1.example.org", "http://[::1", "adresse illisible", ""])  # fmt: skip
def test_another_machine_or_no_address(url):
    assert not is_loopback(url)


def test_a_port_that_goes_without_saying_is_the_same_server():
    assert origin("https://kobo.example.org") == origin("https://KOBO.example.org:443/api?a=1")
    assert origin("http://kobo.example.org") == origin("http://kobo.example.org:80")


def test_another_scheme_host_or_port_is_another_server():
    one = origin("https://kobo.example.org")
    others = ["http://kobo.example.org", "https://kobo.example.org:8443", "https://kobo.example.com"]
    assert one not in [origin(url) for url in others]
