"""What forms can be made of by those who make none: always an answer, never an error of ours."""

from __future__ import annotations

from io import BytesIO

import pytest

from tests.live import Live

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
FIELD = b'--x\r\nContent-Disposition: form-data; name="username"\r\n%s\r\nab\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (URLENCODED, b"username=%ff%fe&password=%ed%a0%80"),
        (URLENCODED, b"username=\xff"),
        (URLENCODED, b"&".join(b"a=b" for _ in range(500))),
        ("multipart/form-data", b"abc"),
        (MULTIPART, b"--y"),
        (MULTIPART, b"--x\r\nfoo: bar\r\n\r\nx\r\n--x--\r\n"),
        (MULTIPART, b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n\xff\r\n--x--\r\n'),
        (MULTIPART, b"--x\r\nContent-Type: multipart/mixed; boundary=z\r\n\r\n--z\r\n\r\nx\r\n--z--\r\n--x--\r\n"),
        (f"multipart/form-data; boundary={'b' * 80}", b"abc"),
    ],
)
@pytest.mark.proves("SEC-115")
async def test_a_form_that_cant_be_read_is_refused(live: Live, content_type: str, body: bytes) -> None:
    answer = await live.request("POST", "/login", data=body, headers={"Content-Type": content_type})
    assert answer.status == 400, answer.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (f"{URLENCODED}; charset=nonsense", b"username=ab"),
        (f"{URLENCODED}; charset=utf-16", b"username=abc"),
        (MULTIPART, FIELD % b"Content-Type: text/plain; charset=nonsense\r\n"),
        (MULTIPART, FIELD % b"Content-Transfer-Encoding: nonsense\r\n"),
        (MULTIPART, FIELD % b"Content-Encoding: gzip\r\n"),
        ("text/plain", b"username=ab"),
        ("nonsense", b"username=ab"),
    ],
)
async def test_what_a_sender_says_about_its_text_changes_nothing(live: Live, content_type: str, body: bytes) -> None:
    answer = await live.request("POST", "/login", data=body, headers={"Content-Type": content_type})
    assert answer.status == 401, answer.text


@pytest.mark.parametrize("multipart", [True, False])
async def test_a_charset_that_takes_the_square_of_its_text_is_not_used(live: Live, multipart: bool) -> None:
    """Decoding this much as Punycode would hold everything up for minutes; the test's own deadline would say so."""
    text = b"x-" + b"a" * 2_000_000
    if multipart:
        body = (FIELD % b"Content-Type: text/plain; charset=punycode\r\n").replace(
            b"\r\nab\r\n", b"\r\n" + text + b"\r\n"
        )
    else:
        body = b"username=" + text
    content_type = MULTIPART if multipart else f"{URLENCODED}; charset=punycode"
    answer = await live.request("POST", "/login", data=BytesIO(body), headers={"Content-Type": content_type})
    assert answer.status == 401
