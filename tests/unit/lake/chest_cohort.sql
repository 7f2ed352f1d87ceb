WITH c1 AS (  -- series with Modality = CT and SliceThickness <= 2.0 and PatientAge >= 18
  SELECT e.person_id, e."SeriesInstanceUID", e."SeriesDate" AS day
  FROM image_occurrence AS e
  JOIN study USING ("StudyInstanceUID")
  WHERE e."Modality" = $c1_value_1
    AND e."SliceThickness" <= $c1_value_2
    AND study."PatientAge" >= $c1_value_3
),
dated AS (
  SELECT person_id, min(day) AS index_date FROM (SELECT person_id, day FROM c1) GROUP BY person_id
),
c2 AS (  -- last measurement 1988-5 > 10 in mg/L, from 30 days before to 0 days after day 0
  SELECT e.person_id, e.measurement_date AS day
  FROM (
  SELECT e.*
  FROM measurement AS e
  JOIN dated AS i ON i.person_id = e.person_id
  WHERE e.measurement_source_value IN ($c2_code_1)
    AND e.unit = $c2_unit_1
    AND e.measurement_date IS NOT NULL
    AND i.index_date IS NOT NULL
    AND e.measurement_date >= i.index_date - $c2_before_1::INTEGER
    AND e.measurement_date <= i.index_date + $c2_after_1::INTEGER
    AND e.value_as_number IS NOT NULL
  QUALIFY row_number() OVER (PARTITION BY e.person_id ORDER BY e.measurement_date DESC NULLS LAST, e.measurement_datetime DESC NULLS LAST, e.measurement_id DESC NULLS LAST) = 1
  ) AS e
  WHERE e.value_as_number > $c2_value_1
),
c3 AS (  -- diagnosis C34…
  SELECT e.person_id, e.condition_start_date AS day
  FROM condition_occurrence AS e
  WHERE (starts_with(e.condition_source_value, $c3_code_1))
),
cohort AS (
  SELECT person_id, index_date FROM person LEFT JOIN dated USING (person_id)
  WHERE (person_id IN (SELECT person_id FROM c1) AND person_id IN (SELECT person_id FROM c2) AND NOT (person_id IN (SELECT person_id FROM c3)))
)
SELECT person_id, index_date FROM cohort ORDER BY person_id;

WITH c1 AS (  -- series with Modality = CT and SliceThickness <= 2.0 and PatientAge >= 18
  SELECT e.person_id, e."SeriesInstanceUID", e."SeriesDate" AS day
  FROM image_occurrence AS e
  JOIN study USING ("StudyInstanceUID")
  WHERE e."Modality" = $c1_value_1
    AND e."SliceThickness" <= $c1_value_2
    AND study."PatientAge" >= $c1_value_3
),
dated AS (
  SELECT person_id, min(day) AS index_date FROM (SELECT person_id, day FROM c1) GROUP BY person_id
),
c2 AS (  -- last measurement 1988-5 > 10 in mg/L, from 30 days before to 0 days after day 0
  SELECT e.person_id, e.measurement_date AS day
  FROM (
  SELECT e.*
  FROM measurement AS e
  JOIN dated AS i ON i.person_id = e.person_id
  WHERE e.measurement_source_value IN ($c2_code_1)
    AND e.unit = $c2_unit_1
    AND e.measurement_date IS NOT NULL
    AND i.index_date IS NOT NULL
    AND e.measurement_date >= i.index_date - $c2_before_1::INTEGER
    AND e.measurement_date <= i.index_date + $c2_after_1::INTEGER
    AND e.value_as_number IS NOT NULL
  QUALIFY row_number() OVER (PARTITION BY e.person_id ORDER BY e.measurement_date DESC NULLS LAST, e.measurement_datetime DESC NULLS LAST, e.measurement_id DESC NULLS LAST) = 1
  ) AS e
  WHERE e.value_as_number > $c2_value_1
),
c3 AS (  -- diagnosis C34…
  SELECT e.person_id, e.condition_start_date AS day
  FROM condition_occurrence AS e
  WHERE (starts_with(e.condition_source_value, $c3_code_1))
),
cohort AS (
  SELECT person_id, index_date FROM person LEFT JOIN dated USING (person_id)
  WHERE (person_id IN (SELECT person_id FROM c1) AND person_id IN (SELECT person_id FROM c2) AND NOT (person_id IN (SELECT person_id FROM c3)))
)
SELECT DISTINCT person_id, "SeriesInstanceUID"
FROM (SELECT person_id, "SeriesInstanceUID" FROM c1)
WHERE person_id IN (SELECT person_id FROM cohort)
ORDER BY person_id, "SeriesInstanceUID";

-- $c1_value_1 = 'CT'
-- $c1_value_2 = 2.0
-- $c1_value_3 = 18
-- $c2_code_1 = '1988-5'
-- $c2_unit_1 = 'mg/L'
-- $c2_before_1 = 30
-- $c2_after_1 = 0
-- $c2_value_1 = 10
-- $c3_code_1 = 'C34'
