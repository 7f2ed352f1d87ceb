"""The types of what the fixtures of these tests build."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from pynetdicom.association import Association

Listen = Callable[..., AbstractContextManager[int]]
Call = Callable[..., AbstractContextManager[Association]]
