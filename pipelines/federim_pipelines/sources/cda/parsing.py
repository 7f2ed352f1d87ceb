"""Parse the XML of a CDA document without letting it reach out, swell or hide anything."""

from __future__ import annotations

import io
from typing import Any, Final

from lxml import etree

from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

Element = Any  # lxml has no types of its own

V3: Final = "{urn:hl7-org:v3}"
# The shared health record takes no document above 20 MB; one text above 10 MB, or elements nested more
# than 256 deep, libxml2 refuses by itself.
LONGEST_BYTES: Final = 64 << 20

_SAFE: Final = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def clinical_document(content: bytes) -> Element:
    """The ClinicalDocument of a file: its root, or what a style sheet that shows it carries inside.

    Raises
    ------
    Unusable
        No XML, one that ends early, is too large or too deep, or declares a document type, and so could
        define entities; or XML without a ClinicalDocument. The detail gives the line where there is one.

    References
    ----------
    HL7 CDA R2, 4.1; ANS CI-SIS, volet Structuration minimale (self-presenting documents).
    """
    if not content.strip():
        raise Unusable(Reason.EMPTY, "")
    if len(content) > LONGEST_BYTES:
        raise Unusable(Reason.UNREADABLE, f"XML of more than {LONGEST_BYTES >> 20} MB")
    try:
        root = etree.fromstring(content, etree.XMLParser(**_SAFE))
    except etree.XMLSyntaxError as error:
        reason = Reason.TRUNCATED if _is_at_the_end(content, error) else Reason.UNREADABLE
        raise Unusable(reason, f"XML, line {error.lineno}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unusable(Reason.UNREADABLE, "XML with a document type declaration")
    document = next(root.iter(f"{V3}ClinicalDocument"), None)
    if document is None:
        raise Unusable(Reason.NOT_SUPPORTED, "XML without a ClinicalDocument")
    return document


def header_of(content: bytes) -> Element | None:
    """The ClinicalDocument as far as its header tells the patient, read no further; None where it has none.

    Raises
    ------
    lxml.etree.XMLSyntaxError
        The XML breaks before.
    """
    after = (f"{V3}author", f"{V3}component")
    for _, element in etree.iterparse(io.BytesIO(content), tag=after, **_SAFE):
        return next(element.iterancestors(f"{V3}ClinicalDocument"), None)
    return None


def _is_at_the_end(content: bytes, error: Any) -> bool:
    """Whether the parser went wrong for want of more: after the last byte, or at a tag that has no end."""
    if error.code == etree.ErrorTypes.ERR_TAG_NOT_FINISHED:
        return True
    line, column = error.position
    rest = content.split(b"\n", line)[line - 1 :]
    return not b"".join([rest[0][column - 1 :], *rest[1:]]).strip() if rest else True
