"""Pull studies from a DICOMweb server: search (QIDO-RS), retrieve (WADO-RS), go on where it stopped."""
