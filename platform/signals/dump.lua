-- All that is known of one artifact.
--
-- KEYS    1 marker of the partition, 2 hash of the artifact, 3 sorted set of its members
-- RESULT  nil without the marker; else HGETALL of the hash, ZRANGE WITHSCORES of the members
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
return { redis.call('HGETALL', KEYS[2]), redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES') }
