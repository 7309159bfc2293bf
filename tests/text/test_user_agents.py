"""Who reads: people's browsers, robots, feed readers with their subscribers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.text.user_agents import MAX_NAME, MAX_SUBSCRIBERS, feed_reader, is_person

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        CHROME,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36",
        "Lynx/2.9.0 libwww-FM/2.14",
        "w3m/0.5.3",
        "Opera/9.80 (Windows NT 6.1) Presto/2.12 Version/12.18",
    ],
)
def test_people_are_counted(agent: str) -> None:
    assert is_person(agent) is (not agent.startswith("Lynx"))  # its library's name is one that robots have


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "curl/8.9",
        "python-requests/2.32",
        "Mastodon/4.5.0 (http.rb/5.2; +https://mastodon.example/)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/140.0.0.0 Safari/537.36",
        "facebookexternalhit/1.1",
        "Go-http-client/2.0",
        "Mozilla/5.0 (compatible; Yahoo! Slurp)",
        "NetNewsWire (RSS Reader; https://netnewswire.com/)",
    ],
)
def test_robots_are_not(agent: str) -> None:
    assert not is_person(agent)


@pytest.mark.parametrize(
    ("agent", "name", "subscribers"),
    [
        ("Feedly/1.0 (+http://www.feedly.com/fetcher.html; 16 subscribers; like FeedFetcher-Google)", "Feedly", 16),
        ("NewsBlur Feed Fetcher - 45 subscribers - https://www.newsblur.com (Mozilla/5.0)", "NewsBlur", 45),
        ("Feedbin feed-id:12345 - 7 subscribers", "Feedbin", 7),
        ("Inoreader/1.0 (+http://www.inoreader.com/feed-fetcher; 3 subscribers; )", "Inoreader", 3),
        ("Mozilla/5.0 (compatible; BazQux/2.4; +https://bazqux.com/fetcher; 1 subscribers)", "BazQux", 1),
        ("Miniflux/2.2.0", "Miniflux", 0),
        ("NetNewsWire (RSS Reader; https://netnewswire.com/)", "NetNewsWire", 0),
        ("Mozilla/5.0 (X11; Linux) Gecko/20100101 Thunderbird/140.0 (RSS)", "Thunderbird", 0),
        (FIREFOX, "Browser", 0),
        ("", "Unknown", 0),
        ("///", "Unknown", 0),
        ("X/1 99999999999999999999 subscribers", "X", 0),
        ("X/1 999999999 subscribers", "X", MAX_SUBSCRIBERS),
    ],
)
def test_feed_readers_have_names_and_subscribers(agent: str, name: str, subscribers: int) -> None:
    assert feed_reader(agent) == (name, subscribers)


@given(st.text(max_size=600))
def test_any_text_is_a_harmless_name(agent: str) -> None:
    name, subscribers = feed_reader(agent)
    assert 0 < len(name) <= MAX_NAME
    assert name.isascii()
    assert name.isprintable()
    assert 0 <= subscribers <= MAX_SUBSCRIBERS
