"""POST /ap/instance/loop: what arrives of a request that this blog sent and signed itself (`fedblog doctor`).

Between the internet and us stands a proxy as a rule; whether it leaves path, Host, body and signature as they were, and
tells who asks, only such a request shows. Nobody else can make one: it is signed with the instance's own key.
"""

from __future__ import annotations

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri
from fedblog.errors import NotFound
from fedblog.signatures.keys import PublicKey, parse_public_pem
from fedblog.signatures.model import Reason, SignatureRefused
from fedblog.signatures.verify import check_claim, read_claims
from fedblog.storage import actors, keys
from fedblog.storage.database import Tx
from fedblog.web.inboxes import read_body, signed_request
from fedblog.web.keys import ADDRESS, LIMITS, SERVICES, SETTINGS

PATH = "/ap/instance/loop"
MOST_BYTES = 4_096
PER_MINUTE = 20


def add_routes(router: web.UrlDispatcher) -> None:
    """The one address."""
    router.add_post(PATH, loop)


async def loop(request: web.Request) -> web.Response:
    """`{"address": …}`: whom we take the asker for. 401 with the reason where the signature doesn't hold."""
    services, address = request.app[SERVICES], request[ADDRESS]
    request.app[LIMITS].take("loop", address, PER_MINUTE)
    body = await read_body(request, MOST_BYTES)
    claims = read_claims(signed_request(request, body, request.app[SETTINGS]), now=services.clock())
    key = await services.db.read(_own_key, services.ids)
    if all(claim.key_id != key.key_id for claim in claims):
        raise SignatureRefused(Reason.KEY_ID_INVALID, "this address is for the blog itself")
    for claim in claims:
        check_claim(claim, key)
    return web.json_response({"address": address}, headers={"Cache-Control": "no-store"})


def _own_key(tx: Tx, ids: LocalIds) -> PublicKey:
    instance = actors.instance(tx)
    for key_id, algorithm, pem in keys.public_keys(tx, instance.id):
        if algorithm == "rsa":
            return parse_public_pem(pem, Uri(key_id), ids.instance())
    raise NotFound("this blog has no key")
