-- SPDX-License-Identifier: MIT
-- A stack of DEPTH Lua frames, all the time at its end: depth.lua same|other DEPTH SECONDS.
-- "same": a function that calls itself. "other": another function, with other lines, in every frame.
if jit then jit.off() end
local kind, depth, seconds = arg[1], tonumber(arg[2]), tonumber(arg[3])
local compile = loadstring or load

local function bottom()
  local deadline = os.clock() + seconds
  local sum = 0
  repeat
    for i = 1, 100000 do
      sum = sum + i % 7
    end
  until os.clock() > deadline
  return sum
end

local function same(more)
  if more > 0 then
    return (same(more - 1)) + 1
  end
  return (bottom()) + 1
end

-- Two names in turn: a chunk may have 200 local variables only.
local FUNCTION = [[
f%d = (function(down)
  return function(x)
    local y = x + 1
    return (down(y)) + 1
  end
end)(f%d)
]]

local function other(nr)
  local text = { "local f0 = ...\nlocal f1\n" }
  for i = 1, nr do
    text[#text + 1] = FUNCTION:format(i % 2, (i + 1) % 2)
  end
  text[#text + 1] = ("return (f%d(1)) + 1\n"):format(nr % 2)
  return (assert(compile(table.concat(text), "=other"))(bottom)) + 1
end

-- Beside the functions that are repeated: main chunk and bottom, for "other" also itself and its chunk.
if kind == "same" then
  same(depth - 3)
else
  other(depth - 4)
end
