-- One row a series of the cohort in the asked modality, with where its instances lie under the home's objects.
SELECT
    cohort_series.person_id,
    cohort_series.SeriesInstanceUID,
    list(instance_file.path ORDER BY instance_file.SOPInstanceUID) AS paths
FROM cohort_series
JOIN image_occurrence USING (SeriesInstanceUID)
JOIN instance_file USING (SeriesInstanceUID)
WHERE image_occurrence.Modality = $modality
GROUP BY cohort_series.person_id, cohort_series.SeriesInstanceUID
ORDER BY cohort_series.person_id, cohort_series.SeriesInstanceUID
