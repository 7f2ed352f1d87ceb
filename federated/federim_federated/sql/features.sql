-- One row a person and feature: the chosen statistic of that person's values in the stated unit.
-- $codes, $units and $statistics are lists of one length; `position` counts features from 0.
WITH wanted AS (
    SELECT
        unnest($codes) AS code,
        unnest($units) AS unit,
        unnest($statistics) AS statistic,
        unnest(range(len($codes))) AS position
),
dated AS (
    SELECT
        person_id,
        measurement_id,
        measurement_source_value AS code,
        unit,
        value_as_number AS value,
        coalesce(measurement_datetime, measurement_date::TIMESTAMP) AS moment
    FROM measurement
    WHERE value_as_number IS NOT NULL
)
SELECT
    person_id,
    position,
    CASE any_value(statistic)
        WHEN 'first' THEN first(value ORDER BY moment NULLS LAST, measurement_id)
        WHEN 'last' THEN last(value ORDER BY moment NULLS FIRST, measurement_id)
        WHEN 'mean' THEN avg(value ORDER BY value)
        WHEN 'min' THEN min(value)
        WHEN 'max' THEN max(value)
    END AS value
FROM dated
JOIN wanted USING (code, unit)
GROUP BY person_id, position
ORDER BY person_id, position
