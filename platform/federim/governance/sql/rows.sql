-- Every asked row, in the order of its values, which tells nothing of whose it is.
-- {columns}: the asked columns under their own names; {source}: source.sql.
SELECT {columns}
FROM ({source})
ORDER BY ALL
