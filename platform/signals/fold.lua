-- Part 3 of the script that folds steps into the state of one artifact: all of them, or none without the marker.
--
-- KEYS    1 marker of the partition, 2 hash of the artifact, 3 sorted set of its members by when they last saw it
-- ARGV    1 '1': the marker must be there, 2 look-back in ms, 3 most members, 4 most facts, then for each step:
--         first seen, last seen ('' and '': neither), n, n times (member, when), m, m times (field, order, JSON text)
-- RESULT  nil without the marker; else what HGETALL says before the steps, then for each step what it changed: field,
--         value, field, value, ... (nil: gone)
-- HASH    first, last in ms; since: when what counts begins; facts: how many; t:<tenant>: devices that count; f:<field>
if ARGV[1] == '1' and redis.call('EXISTS', KEYS[1]) == 0 then return false end

local next = 4
local function take() next = next + 1 return ARGV[next] end

local first, last = unpack(redis.call('HMGET', hash, 'first', 'last'))
if last then slide(last) end
local result = { redis.call('HGETALL', hash) }
while next < #ARGV do
  changes = {}
  local from, to = take(), take()
  if from ~= '' and (not first or tonumber(from) < tonumber(first)) then first = from put('first', from) end
  if to ~= '' and (not last or tonumber(to) > tonumber(last)) then last = to put('last', to) slide(to) end
  for _ = 1, tonumber(take()) do local member, at = take(), take() see(member, at) end
  for _ = 1, tonumber(take()) do local field, order, text = take(), take(), take() learn(field, order, text) end
  result[#result + 1] = changes
end
return result
