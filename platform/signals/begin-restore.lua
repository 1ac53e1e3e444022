-- Names what the partition holds from now on, so that whoever completes it can tell whether it was emptied meanwhile.
--
-- KEYS    1 lineage of the partition
-- ARGV    1 a text that nobody else uses
-- RESULT  the lineage: `<run id of the server>:<text>`, the one that is there when this run of the server made it
local run = redis.call('INFO', 'server'):match('run_id:(%x+)')
local lineage = redis.call('GET', KEYS[1])
if lineage and lineage:sub(1, #run) == run then return lineage end
lineage = run .. ':' .. ARGV[1]
redis.call('SET', KEYS[1], lineage)
return lineage
