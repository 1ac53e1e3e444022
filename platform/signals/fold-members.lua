-- Part 1 of the script that folds: the fields of the artifact's hash, and its members with their counts per tenant.
--
-- state, dirty         the fields as they are by now; those to be written at the end
-- put(field, value)    changes a field, or takes it away (value nil), and notes it in `changes`
-- slide(last)          counts the members seen since last - look-back, and no longer or once more those that this passed
-- see(member, atText)  the member saw the artifact then; a new one is ignored when there are enough
-- isFirstMember        the set of members was made by this script: it does not expire yet
local hash, members, lookBackMs, mostMembers = KEYS[2], KEYS[3], tonumber(ARGV[2]), tonumber(ARGV[3])
local state, dirty, changes, since, isFirstMember = {}, {}, nil, nil, false

local function put(field, value)
  state[field], dirty[field] = value, true
  changes[#changes + 1] = field
  changes[#changes + 1] = value or false
end

local function count(member, by)
  local field = 't:' .. (member:match('^=[^/]*') or member:sub(1, 22))
  local devices = (state[field] or 0) + by
  put(field, devices > 0 and tostring(devices) or nil)
end

local function slide(last)
  local from, to = since, tonumber(last) - lookBackMs
  if from == to then return end
  since = to
  put('since', ('%.17g'):format(to))
  if not from then return end
  local low, high = ('%.17g'):format(math.min(from, to)), ('(%.17g'):format(math.max(from, to))
  local passed = redis.call('ZRANGEBYSCORE', members, low, high)
  for _, member in ipairs(passed) do count(member, from < to and -1 or 1) end
end

local function see(member, atText)
  local at, before = tonumber(atText), tonumber(redis.call('ZSCORE', members, member) or nil)
  if before and before >= at then return end
  if not before then
    local known = redis.call('ZCARD', members)
    if known >= mostMembers then return end
    isFirstMember = isFirstMember or known == 0
  end
  redis.call('ZADD', members, atText, member)
  if at >= since and not (before and before >= since) then count(member, 1) end
end
