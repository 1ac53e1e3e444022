-- Part 2 of the script that folds: the facts, each as `<order> <JSON text>`. Needs part 1.
--
-- learn(name, order, text)  keeps the later of two facts: by order, then by text; beyond the most, the oldest falls out
-- factCount                 how many there are; whoever fills `state` counts them
local mostFacts, factCount = tonumber(ARGV[4]), 0

-- Whether a comes after b by UTF-16 code units, as in JavaScript, whatever the locale. Bytes of UTF-8 are in that order
-- but for code points beyond U+FFFF (first byte 0xF0 and above): those come before U+E000 (first byte 0xEE).
local function isAfter(a, b)
  local function rank(byte) return byte < 0xF0 and byte or 0xED + (byte - 0xEF) / 16 end
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return rank(x) > rank(y) end
  end
  return #a > #b
end

local function oldestFact()
  local oldest, lowest
  for field, fact in pairs(state) do
    if field:sub(1, 2) == 'f:' then
      local order = tonumber(fact:match('^%S+'))
      if not oldest or order < lowest or (order == lowest and isAfter(oldest, field)) then
        oldest, lowest = field, order
      end
    end
  end
  return oldest
end

local function learn(name, order, text)
  local field, fact = 'f:' .. name, order .. ' ' .. text
  local before = state[field]
  if before then
    local orderBefore, textBefore = before:match('^(%S+) (.*)$')
    local ahead = tonumber(order) - tonumber(orderBefore)
    if ahead > 0 or (ahead == 0 and isAfter(text, textBefore)) then put(field, fact) end
    return
  end
  put(field, fact)
  if factCount < mostFacts then factCount = factCount + 1 else put(oldestFact(), nil) end
end
