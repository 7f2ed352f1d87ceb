"""A pull asks nothing of a PACS outside its hours, and ends when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from federim.home import Home
from federim_pipelines.behind import Draining
from federim_pipelines.progress import Silence
from federim_pipelines.sources.pacs import pull as pulling
from federim_pipelines.sources.pacs.calling import Calling, NoAssociation
from federim_pipelines.sources.pacs.query import Study
from federim_pipelines.sources.pacs.retrieve import Sent
from federim_pipelines.sources.pacs.throttle import Throttle
from federim_pipelines.sources.pacs.worklist import work_list


class StillClosed(Exception):
    pass


class Closed(Throttle):
    def wait_until_open(self) -> None:
        raise StillClosed


def test_not_even_a_query_is_sent_before_the_hours_begin(site: Home) -> None:
    work = work_list(pacs="PACS@127.0.0.1:1", aet="FEDERIM", query=[{"StudyDate": "20240301"}])
    work = replace(work, throttle=Closed())
    with pytest.raises(StillClosed):  # and not NoAssociation: nobody listens there
        pulling.pull(site, work, Calling(work.aet, work.peer), Draining(), Silence())


def test_a_study_that_fails_is_not_tried_again_once_the_pull_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulling, "SECONDS_BEFORE_AGAIN", (86_400.0,))

    def missing() -> Iterator[Study]:
        yield Study("1.2.3", 1, ())
        raise KeyboardInterrupt

    def retrieve(study: Study) -> Sent:
        raise NoAssociation("PACS@127.0.0.1:1")

    with pytest.raises(KeyboardInterrupt):
        list(pulling._fetched(missing(), retrieve, Throttle(associations=2)))
