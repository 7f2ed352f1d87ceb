"""Give folders and files of a cleaned tree names that tell nobody's."""

from __future__ import annotations

import base64
import os

from federim.keys import keyed
from federim_pipelines.deidentify.text.cleaner import TextCleaner

# What programs look for at the end of a DICOM file's name. Any other ending is judged with the name.
_EXTENSIONS = frozenset({".acr", ".dcm", ".dic", ".dicom", ".ima", ".img"})
_KEYED_BYTES = 10  # 16 letters: a million names of one folder meet by chance once in 10¹²


def neutral_name(component: str, cleaner: TextCleaner, key: bytes) -> str:
    """`component`, one folder or file name, where it says nothing; else a name of 16 letters made with `key`.

    A name says nothing if cleaning it changes nothing: words of the vocabulary and short numbers. The same
    name under the same key is always given the same one. For a folder of several patients, give `cleaner`
    the values of all of them (`OwnValues` are joined by `|`).
    """
    stem = component.removesuffix(_extension(component))
    return component if stem and cleaner.clean(stem) == stem else keyed_name(component, key)


def keyed_name(component: str, key: bytes) -> str:
    """16 letters made of a name with `key`, and its extension."""
    short = (
        base64.b32encode(keyed(key, "name", os.fsencode(component))[:_KEYED_BYTES]).decode("ascii").lower()
    )
    return short + _extension(component)


def _extension(component: str) -> str:
    extension = component[component.rfind(".") :] if "." in component[1:] else ""
    return extension if extension.lower() in _EXTENSIONS else ""
