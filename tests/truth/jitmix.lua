-- SPDX-License-Identifier: MIT
-- Truth: a compiled loop with an inlined function and a side trace, and a loop that makes strings.
local deadline = os.clock() + tonumber(arg[1] or 3)
local t = {}
for i = 1, 300 do t[i] = i % 13 end
local function inner(x, i)
  local y = x + t[i % 300 + 1]
  return y * 2 % 1000003
end
local function loop(n)
  local s = 0
  for i = 1, n do
    s = inner(s, i)
    if i % 100 == 0 then
      t[i % 300 + 1] = i % 13
    end
  end
  return s
end
local function strs(n)
  local r = 0
  for i = 1, n do
    local s = 'a' .. (i % 100)
    r = r + #s
  end
  return r
end
repeat
  loop(20000)
  strs(4000)
until os.clock() > deadline
