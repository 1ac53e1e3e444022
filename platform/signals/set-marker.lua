-- Sets the marker of a partition, unless what was restored is no longer there.
--
-- KEYS    1 marker of the partition, 2 its lineage
-- ARGV    1 the lineage that was restored into; '' when nothing had to be restored
-- RESULT  1 when the marker stands, else 0
local run = redis.call('INFO', 'server'):match('run_id:(%x+)')
local lineage = redis.call('GET', KEYS[2])
if ARGV[1] ~= '' and (lineage ~= ARGV[1] or lineage:sub(1, #run) ~= run) then return 0 end
redis.call('SET', KEYS[1], run)
return 1
