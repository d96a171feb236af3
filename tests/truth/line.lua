-- SPDX-License-Identifier: MIT
-- Truth: time is spread over the lines 9 to 13 of one loop. On LuaJIT the loop is compiled.
local deadline = os.clock() + tonumber(arg[1] or 3)
local t = {}
for i = 1, 50 do t[i] = i end

local function f(n)
  local s = 0.5
  for i = 1, n do
    s = s + i * 2
    s = s - i / 3
    s = s * 0.5
    s = s + t[i % 50 + 1]
  end
  return s
end
local function g()
  local x = f(1000)
  return x
end
local co = coroutine.wrap(function()
  while true do
    g()
    coroutine.yield()
  end
end)
repeat
  for _ = 1, 100 do co() end
until os.clock() > deadline
