"""`fedblog doctor`: looks for what usually goes wrong, and says how to mend it."""

from __future__ import annotations

import asyncio
from collections import Counter

import click

from fedblog.cli.checkup import examine
from fedblog.cli.findings import Finding, State
from fedblog.cli.program import Failure, Program, json_option, pass_program, print_json, quiet_logging

_MARKS: dict[State, str] = {"ok": "ok  ", "warn": "warn", "fail": "FAIL", "skip": "skip"}


@click.command()
@click.option("--send-test-mail", metavar="ADDRESS", default="", help="Send a mail to this address, to see it arrive.")
@json_option
@pass_program
def doctor(program: Program, send_test_mail: str, as_json: bool) -> None:
    """Check configuration, files, database, keys, mail, push, clock and the public address. Changes nothing.

    Exit code 1 when something is broken; warnings do not count.
    """
    quiet_logging()
    findings = asyncio.run(examine(program, test_mail=send_test_mail))
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        _print(findings)
    broken = sum(1 for finding in findings if finding.state == "fail")
    if broken:
        raise Failure(f"{broken} {'check' if broken == 1 else 'checks'} failed")


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        click.echo(f"{_MARKS[finding.state]}  {finding.name}: {finding.words}")
        if finding.fix:
            click.echo(f"      → {finding.fix}")
    counts = Counter(finding.state for finding in findings)
    click.echo(", ".join(f"{counts[state]} {state}" for state in _MARKS if counts[state]))
