-- SPDX-License-Identifier: MIT
-- Truth: eight coroutines inside of each other; most of the time in the innermost. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local function leaf(n)
  local s = 0
  for i = 1, n do s = s + i % 7 end
  return s
end
local function nest(d)
  if d == 0 then
    local x = leaf(30000)
    return x
  end
  local w = coroutine.wrap(function()
    local r = nest(d - 1)
    return r
  end)
  local r = w()
  return r
end
repeat
  nest(8)
until os.clock() > deadline
