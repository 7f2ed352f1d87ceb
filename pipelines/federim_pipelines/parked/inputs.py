"""The pieces that wait on the same terms, as the input of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from federim.home import Home
from federim.model.identifiers import Merge, PatientIdentity
from federim_pipelines.items import Item
from federim_pipelines.parked.lot import Bay, Waiting
from federim_pipelines.parked.piece import Header, readable
from federim_pipelines.sources import hl7v2
from federim_pipelines.sources.mapping import Mapping
from federim_pipelines.sources.persons import persons
