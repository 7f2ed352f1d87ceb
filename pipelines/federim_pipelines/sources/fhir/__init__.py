"""FHIR R4: bundles, single resources and bulk NDJSON, from files or from a server."""
