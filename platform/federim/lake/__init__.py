"""The lake: tables in Delta, objects by hash, read by DuckDB, frozen as snapshots."""
