"""Have pydicom read and write what devices write, without a word about it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import config


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from checking, and so from quoting, the values it reads and writes."""
    disabled, config.logger.disabled = config.logger.disabled, True
    try:
        with validation(config.IGNORE), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.logger.disabled = disabled


@contextmanager
def validation(mode: int) -> Iterator[None]:
    """Have pydicom check what it reads and writes in this mode."""
    settings = config.settings
    before = settings.reading_validation_mode, settings.writing_validation_mode
    settings.reading_validation_mode = settings.writing_validation_mode = mode
    try:
        yield
    finally:
        settings.reading_validation_mode, settings.writing_validation_mode = before
