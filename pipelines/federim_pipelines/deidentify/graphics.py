"""What becomes of the names people give to what they draw on an image."""

from __future__ import annotations

from typing import Final

from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.keying import Keying

SHUTTER_SHAPE: Final = 0x00181600
OVERLAY_SHUTTER: Final = "BITMAP"  # the shape of a shutter that is an overlay, and goes with it

# Code strings that people type: GraphicLayer (0070,0002) and ContentLabel (0070,0080).
TYPED_NAMES: Final = frozenset({0x00700002, 0x00700080})


def drawing_name(name: str, cleaner: TextCleaner, keying: Keying) -> str:
    """The name of a layer or of a presentation: as it is where it is technical, else 16 letters.

    The same name always gives the same one, so that an annotation is found on its layer in every object.

    References
    ----------
    DICOM PS3.15, E.3.3 (Clean Graphics Option); PS3.3, C.10.5 and C.10.7.
    """
    return name if cleaner.clean(name) == name else keying.drawing(name)
