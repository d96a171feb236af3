-- SPDX-License-Identifier: MIT
-- Truth: main > coroutine > top > mid > leaf, all the time at the bottom. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local function leaf(n)
  local s = 0
  for i = 1, n do s = s + i % 7 end
  return s
end
local function mid(n)
  return (leaf(n)) + 1
end
function top(n)
  local x = mid(n)
  return x
end
local co = coroutine.wrap(function()
  while true do coroutine.yield(top(2000)) end
end)
repeat
  for _ = 1, 100 do co() end
until os.clock() > deadline
