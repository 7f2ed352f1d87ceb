"""An OMOP Common Data Model 5.4 that a site already has, as CSV or Parquet files, in a folder or a ZIP."""
