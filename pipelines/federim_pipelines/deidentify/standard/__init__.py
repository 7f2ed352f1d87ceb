"""Tables of the DICOM Standard, as data."""
