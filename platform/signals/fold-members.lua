-- Part 1 of the script that folds: the hash of the artifact, and the members with their counts per tenant.
--
-- put(field, value)    sets a field of the hash, or takes it away (value false), and notes that in `changes`
-- slide(last)          counts the members seen since last - look-back; moves what was counted before along
-- see(member, atText)  the member saw the artifact then; a new one is ignored when there are enough
local hash, members = KEYS[2], KEYS[3]
local lookBackMs, mostMembers = tonumber(ARGV[2]), tonumber(ARGV[3])
local since = tonumber(redis.call('HGET', hash, 'since') or nil)
local changes = {}

local function put(field, value)
  if value then redis.call('HSET', hash, field, value) else redis.call('HDEL', hash, field) end
  changes[#changes + 1] = field
  changes[#changes + 1] = value
end

local function count(member, by)
  local field = 't:' .. (member:match('^=[^/]*') or member:sub(1, 22))
  local devices = (tonumber(redis.call('HGET', hash, field) or 0)) + by
  put(field, devices > 0 and tostring(devices))
end

local function slide(last)
  local from, to = since, tonumber(last) - lookBackMs
  if from == to then return end
  since = to
  redis.call('HSET', hash, 'since', ('%.17g'):format(to))
  if not from then return end
  local low, high = ('%.17g'):format(math.min(from, to)), ('(%.17g'):format(math.max(from, to))
  local crossed = redis.call('ZRANGEBYSCORE', members, low, high)
  for _, member in ipairs(crossed) do count(member, from < to and -1 or 1) end
end

local function see(member, atText)
  local at, before = tonumber(atText), tonumber(redis.call('ZSCORE', members, member) or nil)
  if before and before >= at then return end
  if not before and redis.call('ZCARD', members) >= mostMembers then return end
  redis.call('ZADD', members, atText, member)
  if at >= since and not (before and before >= since) then count(member, 1) end
end
