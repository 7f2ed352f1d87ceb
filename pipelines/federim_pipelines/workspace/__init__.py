"""One project's cohort, materialised in a home of its own that shares no key with the lake or another."""
