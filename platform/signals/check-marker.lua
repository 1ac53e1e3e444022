-- Takes away a marker that was set on another run of a server: one that was started from an older snapshot, or a replica
-- that took over, may lack what came last.
--
-- KEYS    1 marker of the partition
-- RESULT  1 when the marker stands, else 0
local marker = redis.call('GET', KEYS[1])
if marker == redis.call('INFO', 'server'):match('run_id:(%x+)') then return 1 end
if marker then redis.call('DEL', KEYS[1]) end
return 0
