-- One row a group: its rows and persons, and for each measured column the exact sums a mean is made from.
-- Sums are of decimals, so that they are the same in whatever order threads add them.
-- {columns}: the groups' keys and the sums; {source}: source.sql.
SELECT {columns}
FROM ({source})
GROUP BY ALL
ORDER BY ALL
