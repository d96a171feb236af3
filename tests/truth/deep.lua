-- SPDX-License-Identifier: MIT
-- Truth: a recursion of 21 frames inside of a coroutine, all the time at the bottom. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local function leaf(n)
  local s = 0
  for i = 1, n do s = s + i % 7 end
  return s
end
local function rec(d, n)
  if d == 0 then
    local x = leaf(n)
    return x
  end
  local r = rec(d - 1, n)
  return r + 1
end
local co = coroutine.wrap(function()
  while true do coroutine.yield(rec(20, 20000)) end
end)
repeat
  for _ = 1, 10 do co() end
until os.clock() > deadline
