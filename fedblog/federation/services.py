"""The parts of a running instance, put together by `app.services` and used by web, command line and demo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fedblog.activitypub.ids import LocalIds
from fedblog.config import Settings
from fedblog.federation.askers import Askers
from fedblog.federation.client import Client
from fedblog.federation.delivery import DeliveryWorker
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.inbox import Inbox
from fedblog.federation.jobs import JobRunner
from fedblog.federation.keyring import Keyring
from fedblog.federation.pictures import RemotePictures
from fedblog.federation.publish import Publisher
from fedblog.federation.resolver import Resolver
from fedblog.federation.signer import Signer
from fedblog.media.library import Library
from fedblog.storage.database import Database
from fedblog.storage.indexer import Indexer
from fedblog.storage.seal import Sealer


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that is open while an instance runs. `clock` gives Unix seconds."""

    settings: Settings
    clock: Callable[[], float]
    ids: LocalIds
    db: Database
    sealer: Sealer
    client: Client
    signer: Signer
    fetcher: Fetcher
    keyring: Keyring
    resolver: Resolver
    askers: Askers
    inbox: Inbox
    publisher: Publisher
    worker: DeliveryWorker
    jobs: JobRunner
    library: Library
    avatars: RemotePictures
    emoji: RemotePictures
    attached: RemotePictures
    indexer: Indexer
