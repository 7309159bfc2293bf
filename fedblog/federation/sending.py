"""One delivery to one inbox: sign, POST, read the answer, and knock a second time where that helps (DLV-06, OUT-03)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fedblog.activitypub.urls import Uri
from fedblog.blog.ledger import Delivery, HostState
from fedblog.errors import FetchFailed, FetchTemporary
from fedblog.federation.client import Client, Response
from fedblog.federation.knocks import Knock, preferred, second_knock
from fedblog.federation.outcome import Verdict, judge_response, retry_after_seconds
from fedblog.federation.signer import Scheme, Signer, Unsigned
from fedblog.records import record

POST_SECONDS = 10.0
MAX_ERROR_BYTES = 200

Extra = Mapping[tuple[int, str], Mapping[str, str]]


@record(frozen=True, slots=True)
class Attempt:
    """What one try came to: the answer, or the failure that stood in its way (`status` is None then)."""

    verdict: Verdict
    status: int | None
    error: str
    scheme: Scheme
    retry_after: int | None = None
    wishes: str | None = None  # `Accept-Signature`


@record(frozen=True, slots=True)
class Parcel:
    """A delivery with what goes with it: the way to sign it first, and more headers to sign."""

    delivery: Delivery
    knock: Knock
    extra: Mapping[str, str]


def parcel(delivery: Delivery, host: HostState, extra: Extra, *, now: float) -> Parcel:
    """A delivery, to be signed as its host took it last."""
    found = extra.get((delivery.activity_id, delivery.host), {})
    return Parcel(delivery, Knock(preferred(host, now=now)), found)


class Sender:
    """Signs and posts."""

    def __init__(self, client: Client, signer: Signer, clock: Callable[[], float]) -> None:
        self._client, self._signer, self._clock = client, signer, clock

    async def sign(self, parcels: Sequence[Parcel]) -> list[dict[str, str]]:
        """Headers for the first try of each, made in one hop to a thread."""
        return await self._signer.sign_all([_unsigned(parcel, parcel.knock) for parcel in parcels])

    async def send(self, parcel: Parcel, headers: Mapping[str, str], *, last: bool) -> Attempt:
        """Post it with these headers; after a refusal of the signature once more, with another. The `last` one for its
        host for now closes the connection."""
        attempt = await self._try(parcel, parcel.knock, headers, last)
        if attempt.verdict is not Verdict.KNOCK_AGAIN:
            return attempt
        knock = second_knock(parcel.knock, attempt.wishes)
        (headers,) = await self._signer.sign_all([_unsigned(parcel, knock)])
        second = await self._try(parcel, knock, headers, last)
        return second if second.verdict is Verdict.DELIVERED else attempt

    async def _try(self, parcel: Parcel, knock: Knock, headers: Mapping[str, str], last: bool) -> Attempt:
        delivery = parcel.delivery
        if last:
            headers = {**headers, "Connection": "close"}
        try:
            response = await self._client.post(Uri(delivery.inbox), delivery.body, headers, timeout=POST_SECONDS)
        except FetchTemporary as exc:
            return Attempt(Verdict.RETRY, None, str(exc), knock.scheme, exc.retry_after)
        except FetchFailed as exc:
            return Attempt(Verdict.PERMANENT, None, str(exc), knock.scheme)
        return self._read(response, knock.scheme)

    def _read(self, response: Response, scheme: Scheme) -> Attempt:
        wait = retry_after_seconds(response.header("Retry-After"), now=self._clock())
        wishes = response.header("Accept-Signature")
        error = "" if response.status < 300 else response.body[:MAX_ERROR_BYTES].decode("utf-8", "replace")
        return Attempt(judge_response(response.status), response.status, error, scheme, wait, wishes)


def _unsigned(parcel: Parcel, knock: Knock) -> Unsigned:
    delivery = parcel.delivery
    return Unsigned(
        "POST",
        Uri(delivery.inbox),
        delivery.body,
        delivery.actor_id,
        knock.scheme,
        components=knock.components,
        extra=parcel.extra,
    )
