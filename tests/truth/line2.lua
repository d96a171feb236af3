-- SPDX-License-Identifier: MIT
-- Truth: three to four coroutines inside of each other, switched all the time. On LuaJIT with JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
local function gen(n)
  return coroutine.wrap(function()
    for i = 1, n do
      coroutine.yield(i)
    end
  end)
end
local function inner(k)
  local s = 0
  for v in gen(k) do
    s = s + v
  end
  return s
end
local function mid(k)
  local w = coroutine.wrap(function()
    local sum = inner(k)
    return sum
  end)
  local r = w()
  return r
end
local function work()
  local w = coroutine.create(function()
    while true do
      mid(50)
      coroutine.yield()
    end
  end)
  repeat
    for _ = 1, 50 do
      coroutine.resume(w)
    end
  until os.clock() > deadline
end
work()
