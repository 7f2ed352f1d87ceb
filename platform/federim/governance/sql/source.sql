-- The asked columns of one table, beside the person each row is of.
-- {columns}: expressions over asked.* and person.*; {table}: a table of the lake.
SELECT asked.person_id AS person_id, {columns}
FROM "{table}" AS asked
LEFT JOIN person ON person.person_id = asked.person_id
