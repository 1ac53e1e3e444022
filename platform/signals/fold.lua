-- Part 3 of the script that folds steps into the state of one artifact: all of them, or none without the marker.
--
-- KEYS    1 marker of the partition, 2 hash of the artifact, 3 sorted set of its members by when they last saw it
-- ARGV    1 '1': folds, the marker must be there; '0': restores, 2 look-back in ms, 3 most members, 4 most facts, 5 how
--         long it is kept at least, in ms, unless no step tells anything, then for each step: first seen, last seen
--         ('' and '': neither), n, n times (member, when), m, m times (field, order, JSON text)
-- RESULT  nil without the marker, 1 when restoring; else what HGETALL says before the steps, then for each step what it
--         changed: field, value, field, value, ... (nil: gone)
-- HASH    first, last in ms; since: when what counts begins; t:<tenant>: devices that count; f:<field>: a fact
if ARGV[1] == '1' and redis.call('EXISTS', KEYS[1]) == 0 then return false end

local next, isTold = 5, false
local function take() next = next + 1 return ARGV[next] end

changes = redis.call('HGETALL', hash)
for i = 1, #changes, 2 do
  state[changes[i]] = changes[i + 1]
  if changes[i]:sub(1, 2) == 'f:' then factCount = factCount + 1 end
end
since = tonumber(state.since)
if state.last then slide(state.last) end
local result = { changes }
while next < #ARGV do
  changes = {}
  local from, to = take(), take()
  isTold = isTold or to ~= ''
  if from ~= '' and not (state.first and tonumber(state.first) <= tonumber(from)) then put('first', from) end
  if to ~= '' and not (state.last and tonumber(state.last) >= tonumber(to)) then put('last', to) slide(to) end
  for _ = 1, tonumber(take()) do local member, at = take(), take() see(member, at) end
  local facts = tonumber(take())
  isTold = isTold or facts > 0
  for _ = 1, facts do local field, order, text = take(), take(), take() learn(field, order, text) end
  result[#result + 1] = changes
end
local set = {}
for field in pairs(dirty) do
  if state[field] then set[#set + 1] = field set[#set + 1] = state[field] else redis.call('HDEL', hash, field) end
end
-- Facts, tenants and times are at most some 1,300 fields: far below what unpack takes.
if #set > 0 then redis.call('HSET', hash, unpack(set)) end
-- Kept a little longer than asked, so that not every step has to renew it; both keys to the same moment.
local leftMs, keepMs = redis.call('PTTL', hash), tonumber(ARGV[5])
if isTold and (leftMs < keepMs or isFirstMember) then
  local now = redis.call('TIME')
  local nowMs = now[1] * 1000 + math.floor(now[2] / 1000)
  local untilMs = ('%.0f'):format(nowMs + math.max(leftMs, math.floor(keepMs * 129 / 128)))
  redis.call('PEXPIREAT', hash, untilMs)
  redis.call('PEXPIREAT', members, untilMs)
end
return ARGV[1] == '1' and result or 1
