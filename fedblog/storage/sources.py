"""The JSON that replies came as: compressed, in a table of its own, never served.

Notes are short and much alike, so the words that most of them share are given to zlib beforehand (RFC 1950 §2.2): that
halves what is kept. A form, once it has been written, stays readable for ever.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from fedblog.blog.model import ReplyId
from fedblog.storage.tx import Tx, put

# The first byte says how the rest was made. Rows of older versions hold a zlib stream without it, which begins with x.
_FORM_1 = b"\x01"
_LEVEL = 3
# Never to be changed: a new one is a new form. What is most common stands last, where zlib finds it cheapest.
_WORDS_1 = (
    b'"source":{"content":"","mediaType":"text/x.misskeymarkdown"},"_misskey_content":"","_misskey_summary":"",'
    b'"_misskey_quote":"https://","quoteUrl":"https://","quoteUri":"https://"'
    b'"interactionPolicy":{"canLike":{"always":["https://www.w3.org/ns/activitystreams#Public"],'
    b'"approvalRequired":[]},"canReply":{"canAnnounce":{"canQuote":{"automaticApproval":['
    b'"type":"DataIntegrityProof","cryptosuite":"eddsa-jcs-2022","verificationMethod":"https://","proofValue":"z'
    b'"type":"Document","mediaType":"image/jpeg","mediaType":"image/png","url":"https://files.","name":null,'
    b'"blurhash":"U","focalPoint":[0.0,0.0],"width":1200,"height":1600},'
    b'{"id":"https://","type":"Emoji","name":":","updated":"2025-01-01T00:00:00Z","icon":{"type":"Image",'
    b'"mediaType":"image/png","url":"https://"}},{"type":"Hashtag","href":"https:///tags/","name":"#"},'
    b'<p><span class=\\"h-card\\" translate=\\"no\\"><a href=\\"https:///@\\" class=\\"u-url mention\\">@<span>'
    b'</span></a></span> </p><p><a href=\\"https://\\" target=\\"_blank\\" rel=\\"nofollow noopener noreferrer\\" '
    b'translate=\\"no\\"><span class=\\"invisible\\">https://</span><span class=\\"ellipsis\\"></span>'
    b'<span class=\\"invisible\\"></span></a><br />'
    b'{"id":"https:///users//statuses/11","type":"Note","summary":null,"inReplyTo":"https://",'
    b'"published":"2026-01-01T00:00:00Z","url":"https:///@/11","attributedTo":"https:///users/",'
    b'"to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["https:///users//followers"],"sensitive":false,'
    b'"atomUri":"https:///users//statuses/11","inReplyToAtomUri":"https://","conversation":"https:///contexts/",'
    b'"context":"https:///contexts/","content":"<p></p>","contentMap":{"en":"<p></p>"},"attachment":[],'
    b'"tag":[{"type":"Mention","href":"https:///users/","name":"@"}],"replies":{"id":"https:///replies",'
    b'"type":"Collection","first":{"type":"CollectionPage","next":"https:///replies?only_other_accounts=true'
    b'\\u0026page=true","partOf":"https:///replies","items":[]}},"likes":{"id":"https:///likes",'
    b'"type":"Collection","totalItems":0},"shares":{"id":"https:///shares","type":"Collection","totalItems":0}}'
)


def pack(document: bytes) -> bytes:
    """A document as it is stored."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zdict=_WORDS_1)
    return _FORM_1 + packer.compress(document) + packer.flush()


def unpack(stored: bytes) -> bytes:
    """The document in what was stored, by this version or an older one."""
    if not stored.startswith(_FORM_1):
        return zlib.decompress(stored)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS, zdict=_WORDS_1)
    return unpacker.decompress(stored[1:]) + unpacker.flush()


def keep(tx: Tx, reply_id: ReplyId, document: bytes) -> None:
    """Keep what a reply came as, in place of what is there; nothing for an empty one."""
    if document:
        tx.run(
            "INSERT INTO reply_sources (reply_id, original) VALUES ($1, $2)"
            " ON CONFLICT (reply_id) DO UPDATE SET original = excluded.original",
            reply_id,
            pack(document),
        )


def keep_new(tx: Tx, documents: Sequence[tuple[ReplyId, bytes]]) -> None:
    """`keep` for replies that have just been stored."""
    put(tx, "reply_sources (reply_id, original)", [(reply_id, pack(one)) for reply_id, one in documents if one])


def original(tx: Tx, reply_id: ReplyId) -> bytes | None:
    """The object's JSON as it was received, for those who have to look into it."""
    stored = tx.value("SELECT original FROM reply_sources WHERE reply_id = $1", reply_id)
    return None if stored is None else unpack(stored)
