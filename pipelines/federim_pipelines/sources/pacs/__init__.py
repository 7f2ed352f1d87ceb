"""Speak DICOM's own network protocol (PS3.8) with PACS and modalities."""
