"""One table: the events of a home, written once and never touched again."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from federim.model.errors import NotAllowed


def _refuse() -> NoReturn:
    raise NotAllowed("the audit trail is append-only: an event is never changed or removed")


class EventQuerySet(models.QuerySet["Event"]):
    """Events as a set; reading is all it can do beyond adding one."""

    def update(self, **kwargs: Any) -> NoReturn:  # noqa: ARG002 — the signature is Django's
        _refuse()

    def delete(self) -> NoReturn:
        _refuse()


class Event(models.Model):
    """Who did what, when, chained to the event before by its hash.

    The database refuses UPDATE and DELETE as well, by the triggers of the first migration.
    """

    sequence = models.BigIntegerField(primary_key=True)  # from 1, without gaps
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    act = models.CharField(max_length=80)
    detail = models.JSONField()
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)

    objects = EventQuerySet.as_manager()

    class Meta:
        db_table = "audit_event"
        ordering = ("sequence",)

    def __str__(self) -> str:
        return f"{self.sequence} {self.act} by {self.actor}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the event; raise `NotAllowed` where it is already in the trail."""
        if not self._state.adding:
            _refuse()
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: ARG002
        _refuse()
