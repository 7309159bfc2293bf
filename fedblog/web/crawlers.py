"""robots.txt, and what crawlers that collect texts to train machines are asked (`blog.block_ai_crawlers`).

They are asked by name (RFC 9309), by `noai` in the robots header, and by TDMRep's reservation; who comes under a false
name, or reads none of it, is not kept out by words.
"""

from __future__ import annotations

from typing import Final

AI_CRAWLERS: Final = (
    "AI2Bot", "Amazonbot", "anthropic-ai", "Applebot-Extended", "Bytespider", "CCBot", "ClaudeBot", "Claude-Web",
    "cohere-ai", "cohere-training-data-crawler", "DeepSeekBot", "Diffbot", "FacebookBot", "Google-CloudVertexBot",
    "Google-Extended", "GPTBot", "ICC-Crawler", "ImagesiftBot", "img2dataset", "Kangaroo Bot", "meta-externalagent",
    "Meta-ExternalFetcher", "MistralAI-User", "omgili", "omgilibot", "PanguBot", "PerplexityBot", "Timpibot",
    "VelenPublicWebCrawler", "Webzio-Extended", "YouBot",
)  # fmt: skip
NO_TRAINING: Final = {"X-Robots-Tag": "noai, noimageai", "TDM-Reservation": "1"}
# Forms and lists of what stands elsewhere already; what is noindex must stay readable, or the word isn't read.
_PRIVATE: Final = (
    "/studio",
    "/draft",
    "/login",
    "/interact",
    "/authorize_interaction",
    "/follow",
    "/like/",
    "/boost/",
    "/attached/",
    "/*?reply",
)


def robots_txt(base_url: str, *, block_ai: bool) -> str:
    """The whole file."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in _PRIVATE)]
    if block_ai:
        lines += ["Content-Signal: search=yes, ai-train=no", ""]
        lines += [f"User-agent: {name}" for name in AI_CRAWLERS]
        lines += ["Disallow: /"]
    return "\n".join([*lines, "", f"Sitemap: {base_url}/sitemap.xml", ""])
