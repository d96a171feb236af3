-- SPDX-License-Identifier: MIT
-- Truth: a recursion of 201 frames, more than a sample holds; all the time at the bottom. No JIT.
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
  while true do coroutine.yield(rec(200, 1000000)) end
end)
repeat
  co()
until os.clock() > deadline
