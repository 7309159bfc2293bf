"""Tables to download, as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from aiohttp import web

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
# Spreadsheets run a cell that begins so as a formula, and names in it are other people's.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(filename: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, raw: bool = False) -> web.Response:
    """A download. Cells that a spreadsheet would run get a `'` before them, unless the file is for programs (`raw`)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in rows:
        writer.writerow(row if raw else [_harmless(cell) for cell in row])
    return download(filename, out.getvalue())


def download(filename: str, text: str) -> web.Response:
    """A CSV file that is written already."""
    plain = _PLAIN.sub("-", filename).strip("-") or "table.csv"
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
    return web.Response(
        text=text,
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": disposition, "Cache-Control": "private, no-store"},
    )


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
