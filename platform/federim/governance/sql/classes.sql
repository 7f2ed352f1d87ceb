-- How many persons share each combination of some columns (k-anonymity): the fewest, how many
-- combinations fewer than $small persons share, and how many combinations there are.
-- {keys}: the columns; {source}: source.sql.
SELECT min(persons) AS smallest, count(*) FILTER (persons < $small) AS below, count(*) AS classes
FROM (
    SELECT count(DISTINCT person_id) AS persons
    FROM ({source})
    GROUP BY {keys}
)
