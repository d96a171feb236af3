-- SPDX-License-Identifier: MIT
-- Truth: branches are taken all the time; no instruction of the lines 11, 16 and 29 ever runs. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local never = false
local function decide(n)
  local s = 0
  for i = 1, n do

    if never then
      s = s + 2
    else
      s = s + 1
    end
    while never do
      s = s + 3
    end
  end
  return s
end
local function close(n)
  local f
  for i = 1, n do
    do
      local k = i
      f = function() return k end
    end
    if never then
      f = nil
    end
  end
  return f
end
repeat
  decide(20000)
  close(2000)
until os.clock() > deadline
