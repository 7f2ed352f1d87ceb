"""`federim audit` says whether the trail is whole, in JSON and by its exit code."""

from __future__ import annotations

import json

from django.db import connections
from typer.testing import CliRunner

from federim.audit.trail import record
from federim.cli.audit import audit
from federim.cli.context import Invocation
from federim.database import alias
from federim.home import Home


def test_a_whole_trail(site: Home) -> None:
    for number in range(3):
        record(site, "ada", "export.vote", number=number)
    result = CliRunner().invoke(audit, ["verify", "--json"], obj=Invocation(home=site.root))
    found = json.loads(result.stdout)
    assert (result.exit_code, found["events"], found["ok"]) == (0, 3, True)


def test_a_broken_trail_names_the_event_and_ends_with_14(site: Home) -> None:
    for number in range(3):
        record(site, "ada", "export.vote", number=number)
    with connections[alias(site)].cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_event_no_update")
        cursor.execute("UPDATE audit_event SET actor = 'eve' WHERE sequence = 2")
    result = CliRunner().invoke(audit, ["verify", "--json"], obj=Invocation(home=site.root))
    found = json.loads(result.stdout)
    assert (result.exit_code, found["ok"], found["broken_at"]) == (14, False, 2)
    text = CliRunner().invoke(audit, ["verify"], obj=Invocation(home=site.root)).stdout
    assert "3 events, broken at event 2" in text


def test_events_are_filtered_and_limited(site: Home) -> None:
    for act in ("export.vote", "member.enrol", "export.submit"):
        record(site, "ada", act, request="2026-001")
    result = CliRunner().invoke(
        audit, ["list", "--act", "export", "--limit", "1", "--json"], obj=Invocation(home=site.root)
    )
    (event,) = json.loads(result.stdout)["events"]
    assert (event["act"], event["detail"]) == ("export.submit", {"request": "2026-001"})
