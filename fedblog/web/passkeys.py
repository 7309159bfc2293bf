"""Passkeys (WebAuthn level 2): what browsers are asked, and whether what they answer is true.

A passkey proves a thing that one has and, since we insist on user verification, who holds it: it stands for password
and code together. The library is heavy, so it is loaded when the first passkey is used, beside the event loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from fedblog.blog.ledger import Account, Passkey
from fedblog.config import Settings

CHALLENGE_BYTES: Final = 32
_SECONDS: Final = 5 * 60


class NewPasskey(NamedTuple):
    """What is kept of a passkey that was made."""

    credential_id: str
    public_key: bytes
    sign_count: int


def host_of(settings: Settings) -> str:
    """The relying party id: the host that readers see."""
    return urlsplit(settings.base_url).hostname or settings.domain


async def ask_to_make(settings: Settings, account: Account, known: Sequence[Passkey]) -> tuple[str, str]:
    """(options as JSON, challenge) for `navigator.credentials.create`."""
    return await asyncio.to_thread(_ask_to_make, settings, account, known)


async def ask_to_show(settings: Settings) -> tuple[str, str]:
    """(options as JSON, challenge) for `navigator.credentials.get`; the browser offers the passkeys it has for us."""
    return await asyncio.to_thread(_ask_to_show, settings)


async def check_made(settings: Settings, answer: str, challenge: str) -> NewPasskey | None:
    """The new passkey; None where the answer doesn't prove one."""
    return await asyncio.to_thread(_check_made, settings, answer, challenge)


async def check_shown(settings: Settings, answer: str, challenge: str, passkey: Passkey) -> int | None:
    """The new sign count; None where the answer doesn't prove that this passkey is there."""
    return await asyncio.to_thread(_check_shown, settings, answer, challenge, passkey)


def _ask_to_make(settings: Settings, account: Account, known: Sequence[Passkey]) -> tuple[str, str]:
    from webauthn import base64url_to_bytes, generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    options = generate_registration_options(
        rp_id=host_of(settings),
        rp_name=settings.blog.title or settings.domain,
        user_name=account.username,
        user_id=str(account.id).encode(),
        challenge=challenge,
        timeout=_SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(base64url_to_bytes(one.credential_id)) for one in known],
    )
    return options_to_json(options), challenge.hex()


def _ask_to_show(settings: Settings) -> tuple[str, str]:
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    options = generate_authentication_options(
        rp_id=host_of(settings),
        challenge=challenge,
        timeout=_SECONDS * 1000,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options), challenge.hex()


def _check_made(settings: Settings, answer: str, challenge: str) -> NewPasskey | None:
    from webauthn import verify_registration_response
    from webauthn.helpers import bytes_to_base64url

    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=bytes.fromhex(challenge),
            expected_rp_id=host_of(settings),
            expected_origin=settings.base_url,
            require_user_verification=True,
        )
    except Exception:  # the answer is a stranger's: whatever is wrong with it proves nothing
        return None
    return NewPasskey(bytes_to_base64url(made.credential_id), made.credential_public_key, made.sign_count)


def _check_shown(settings: Settings, answer: str, challenge: str, passkey: Passkey) -> int | None:
    from webauthn import verify_authentication_response

    try:
        shown = verify_authentication_response(
            credential=answer,
            expected_challenge=bytes.fromhex(challenge),
            expected_rp_id=host_of(settings),
            expected_origin=settings.base_url,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Exception:  # as above
        return None
    return shown.new_sign_count
