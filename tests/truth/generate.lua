-- SPDX-License-Identifier: MIT
-- Writes a random Lua program that carries its own truth:
--
--	lua5.4 tests/truth/generate.lua SEED > program.lua
--
-- Each function does a known amount of one kind of work and calls functions after it, in every way
-- one Lua function can come to run another. Ways to call are helper functions without work of their
-- own. The truth is in comments at the end:
--
--	--@ function ID FIRST_LINE LAST_LINE WORK      work per round, 0 for helpers
--	--@ call ID LINE [@C_FUNCTION] [ID]            who may run on top of whom; "@*" any C function
--	--@ tail ID LINE ID                            a tail call: the callee takes the caller's place
local seed = tonumber(arg[1]) or error("usage: generate.lua SEED")
local NR_FUNCTIONS = 12
local MAX_CALLS = 60 -- of a function in a round
local WORK = 20000 -- turns of the loop, per unit of a function's weight
local MIN_TURNS = 1000 -- per call, so that work dominates the cost of calling

seed = seed % 2147483646 + 1
local function random(n)
  seed = seed * 16807 % 2147483647 -- Park and Miller: exact in doubles
  return math.floor(seed / 16) % n + 1
end

-- ---- who calls whom --------------------------------------------------------------------------

-- Times a way calls its function.
local ways = {
  direct = 1, loop = 3, field = 1, method = 1, pcall = 1, xpcall = 1, wrap = 2, resume = 2,
  index = 1, add = 1, call = 1, concat = 1, less = 1, sort = 1, gsub = 2, iterator = 2,
  vararg = 1, tail = 1, throw = 1,
}
local names = {}
for name in pairs(ways) do names[#names + 1] = name end
table.sort(names)

local functions = {}
for i = 1, NR_FUNCTIONS do
  functions[i] = { calls = {}, count = 0, weight = random(8) + 2, vararg = random(4) == 1 }
end

local function add_call(from, to, way)
  local times = from.count * ways[way]
  if to.count + times > MAX_CALLS then
    if to.count > 0 then return end
    way, times = "direct", from.count
  end
  to.count = to.count + times
  from.calls[#from.calls + 1] = { to = to, way = way }
end

functions[1].count = 1
for i = 1, NR_FUNCTIONS do
  local f = functions[i]
  if f.count == 0 then
    f.count = 1
    f.root = true
  end
  f.id = "f" .. i
  f.turns = math.max(MIN_TURNS, math.floor(f.weight * WORK / f.count))
  for _ = 1, i < NR_FUNCTIONS and random(3) or 0 do
    local to = functions[math.min(NR_FUNCTIONS, i + random(4))]
    add_call(f, to, names[random(#names)])
  end
end

-- ---- the program -----------------------------------------------------------------------------

local lines, truth, nr_helpers = {}, {}, 0

local function line(...)
  lines[#lines + 1] = string.format(...)
  return #lines
end

local function fact(...)
  truth[#truth + 1] = "--@ " .. string.format(...)
end

-- A call at the line written last.
local function calls(from, what)
  fact("call %s %d %s", from, #lines, what)
end

-- A helper inside of @from; @write gets its id and writes the body.
local function helper(parameters, write)
  nr_helpers = nr_helpers + 1
  local id = "h" .. nr_helpers
  local first = line("  local function %s(%s)", id, parameters)
  write(id)
  fact("function %s %d %d 0", id, first, line("  end"))
  return id
end

-- A helper that calls @callee once, and then does @last.
local function caller_of(callee, parameters, last)
  return helper(parameters, function(id)
    line("    local r = %s(1)", callee)
    calls(id, callee)
    line("    %s", last)
    if last:match("^error") then calls(id, "@error") end
  end)
end

local function metamethod(event, use)
  return function(from, callee)
    nr_helpers = nr_helpers + 1
    line("  local t%d = setmetatable({}, { __%s = %s })", nr_helpers, event, callee)
    calls(from, "@setmetatable")
    line("  " .. use:gsub("T", "t" .. nr_helpers))
    calls(from, callee)
  end
end

local function coroutine_of(create, resume, via)
  return function(from, callee)
    local body = helper("a", function(id)
      line("    local r = %s(a)", callee)
      calls(id, callee)
      line("    coroutine.yield(r)")
      calls(id, "@coroutine.yield")
      line("    r = %s(r)", callee)
      calls(id, callee)
      line("    return r")
    end)
    line("  local c%d = coroutine.%s(%s)", nr_helpers, create, body)
    calls(from, "@coroutine." .. create)
    for _ = 1, 2 do
      line("  " .. resume, nr_helpers)
      calls(from, via .. " " .. body)
    end
  end
end

local function protected(name, arguments)
  return function(from, callee)
    line("  %s(%s, %s)", name, callee, arguments)
    calls(from, "@" .. name .. " " .. callee)
  end
end

local write_call = {
  direct = function(from, callee)
    line("  s = s + %s(s)", callee)
    calls(from, callee)
  end,
  loop = function(from, callee)
    line("  for i = 1, %d do", ways.loop)
    line("    s = s + %s(i)", callee)
    calls(from, callee)
    line("  end")
  end,
  field = function(from, callee)
    line("  s = s + all.%s(s)", callee)
    calls(from, callee)
  end,
  method = function(from, callee)
    line("  s = s + all:%s(s)", callee)
    calls(from, callee)
  end,
  pcall = protected("pcall", "s"),
  xpcall = protected("xpcall", "tostring"),
  wrap = coroutine_of("wrap", "s = s + c%d(s)", "@*"),
  resume = coroutine_of("create", "coroutine.resume(c%d, s)", "@coroutine.resume"),
  index = metamethod("index", "s = s + T.field"),
  add = metamethod("add", "s = s + (T + 1)"),
  call = metamethod("call", "s = s + T(1)"),
  concat = metamethod("concat", "local r = T .. 'x'"),
  less = metamethod("lt", "local r = T < T"),
  sort = function(from, callee)
    local compare = caller_of(callee, "a, b", "return a < b")
    line("  table.sort({ 2, 1 }, %s)", compare)
    calls(from, "@table.sort " .. compare)
  end,
  gsub = function(from, callee)
    local replace = caller_of(callee, "a", "return nil")
    line("  string.gsub('ab', '.', %s)", replace)
    calls(from, "@string.gsub " .. replace)
  end,
  iterator = function(from, callee)
    local next_one = helper("_, k", function(id)
      line("    if k >= %d then return nil end", ways.iterator)
      line("    %s(k)", callee)
      calls(id, callee)
      line("    return k + 1")
    end)
    line("  for k in %s, nil, 0 do s = s + k end", next_one)
    calls(from, next_one)
  end,
  vararg = function(from, callee)
    local pass = helper("...", function(id)
      line("    local r = %s(...)", callee)
      calls(id, callee)
      line("    return r")
    end)
    line("  s = s + %s(s, 2, 3)", pass)
    calls(from, pass)
  end,
  tail = function(from, callee)
    local pass = helper("a", function(id)
      line("    return %s(a)", callee)
      fact("tail %s %d %s", id, #lines, callee)
    end)
    line("  s = s + %s(s)", pass)
    calls(from, pass)
  end,
  throw = function(from, callee)
    local throw = caller_of(callee, "", "error('thrown')")
    line("  pcall(%s)", throw)
    calls(from, "@pcall " .. throw)
  end,
}

local function write_function(f)
  local first = line("local function %s(%s)", f.id, f.vararg and "..." or "a")
  line("  local s = 0")
  line("  for i = 1, %d do", f.turns)
  line("    s = (s * 3 + i) %% 1000003")
  line("  end")
  for _, call in ipairs(f.calls) do write_call[call.way](f.id, call.to.id) end
  line("  return s")
  fact("function %s %d %d %d", f.id, first, line("end"), f.turns * f.count)
  line("all.%s = %s", f.id, f.id)
end

line("-- made by tests/truth/generate.lua %s", arg[1])
line("local deadline = os.clock() + tonumber(arg[1] or 3)")
calls("main", "@os.clock")
calls("main", "@tonumber")
line("local all = {}")
for i = NR_FUNCTIONS, 1, -1 do write_function(functions[i]) end
line("repeat")
for i = 1, NR_FUNCTIONS do
  if i == 1 or functions[i].root then
    line("  %s(1)", functions[i].id)
    calls("main", functions[i].id)
  end
end
line("until os.clock() > deadline")
calls("main", "@os.clock")
fact("function main 1 %d 0", #lines)
print(table.concat(lines, "\n"))
print(table.concat(truth, "\n"))
