-- SPDX-License-Identifier: MIT
-- A program that samples itself: witness.lua SECONDS FILE. Writes "LINE LINE ... COUNT" to FILE, the
-- lines of the Lua functions on its stack from the root, and how often it saw them.
--
-- The interpreter's count hook fires every so many instructions, so the witness counts instructions.
-- Every line of work repeats the same call of a slow C function: where calls are counted, time is
-- measured. With the JIT on, LuaJIT's own profiler is the witness, and the work is arithmetic.
local deadline = os.clock() + tonumber(arg[1] or 3)
local compiled = jit and jit.status()
local text, find = ("x"):rep(20000), string.find
local INSTRUCTIONS = 1009 -- a prime: no loop is in step with it

local function light(n)
  for _ = 1, n do
    find(text, "y", 1, true)
    find(text, "y", 1, true) find(text, "y", 1, true)
  end
end
local function heavy(n)
  for _ = 1, n do
    find(text, "y", 1, true) find(text, "y", 1, true) find(text, "y", 1, true)
    find(text, "y", 1, true)
  end
end
local function light_compiled(n)
  local s = 0
  for i = 1, n * 100 do
    s = (s * 3 + i) % 1000003
  end
  return s
end
local function heavy_compiled(n)
  local s = 0
  for i = 1, n * 200 do
    s = (s * 3 + i) % 1000003
  end
  return s
end
if compiled then light, heavy = light_compiled, heavy_compiled end

local function by_way(f, n)
  local r = f(n)
  return r
end
local function round(n)
  local a = light(2 * n)
  local b = by_way(heavy, 3 * n)
  local _, c = pcall(light, n)
  local d = by_way(light, 2 * n)
end

local seen = {}
local function note(key, times)
  seen[key] = (seen[key] or 0) + times
end
local function on_count()
  local key, level = "", 2
  local info = debug.getinfo(level, "Sl")
  while info do
    if info.what ~= "C" then key = info.currentline .. " " .. key end
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
  note(key, 1)
end
local function on_timer(profile)
  return function(thread, samples)
    note(profile.dumpstack(thread, "l", 1):match(":(%d+)") .. " ", samples)
  end
end

if compiled then
  local profile = require("jit.profile")
  profile.start("fi1", on_timer(profile))
else
  debug.sethook(on_count, "", INSTRUCTIONS)
end
local rounds = 0
repeat
  round(50 + rounds * 31 % 97) -- no two rounds in a row are alike
  rounds = rounds + 1
until os.clock() > deadline
if compiled then require("jit.profile").stop() else debug.sethook() end
local out = assert(io.open(arg[2], "w"))
for key, count in pairs(seen) do out:write(key, count, "\n") end
out:close()
