-- SPDX-License-Identifier: MIT
-- Truth: tests whose CPU time is known, by ratio of work or by the clock of the process that spends it.
--
-- Each test measures itself with os.clock() and writes "name<TAB>CPU seconds" to the file named by
-- TRUTH_FILE, so that a live test compares with what really happened, not with what was meant.

if jit then jit.off() end

local UNIT = tonumber(os.getenv("TRUTH_UNIT") or 6e7) -- 0.2 to 0.6 s

local function interpreter()
  local index = 0
  while arg and arg[index - 1] do
    index = index - 1
  end
  return index < 0 and arg[index] or "lua"
end

local function note(name, seconds)
  local path = os.getenv("TRUTH_FILE")
  if path then
    local file = assert(io.open(path, "a"))
    file:write(string.format("%s\t%.6f\n", name, seconds))
    file:close()
  end
end

local function burn(count)
  local sum = 0
  for index = 1, count do
    sum = sum + index % 7
  end
  return sum
end

local function measured_burn(name, count)
  local started = os.clock()
  burn(count)
  note(name, os.clock() - started)
end

local BURN_CODE = "local started, sum = os.clock(), 0 repeat for i = 1, 1000 do sum = sum + i %% 7 end "
  .. "until os.clock() - started >= %s"

local function child(seconds)
  os.execute(string.format("'%s' -e '" .. BURN_CODE .. "'", interpreter(), seconds))
end

describe("work", function()
  it("of one part", function() measured_burn("one", UNIT) end)
  it("of two parts", function() measured_burn("two", 2 * UNIT) end)
  it("of four parts", function() measured_burn("four", 4 * UNIT) end)
  it("of eight parts", function() measured_burn("eight", 8 * UNIT) end)
end)

describe("fixtures", function()
  setup(function() measured_burn("setup", UNIT) end)
  teardown(function() measured_burn("teardown", UNIT / 2) end)

  describe("around", function()
    before_each(function() measured_burn("before_each", UNIT / 2) end)
    after_each(function() measured_burn("after_each", UNIT / 4) end)

    it("an empty test", function() end)
  end)
end)

describe("children", function()
  it("one of 300 ms", function() child(0.3) end)
  it("one of 200 ms in the background", function()
    os.execute(string.format("'%s' -e '" .. BURN_CODE .. "' & wait", interpreter(), 0.2))
  end)
end)

describe("sleep", function()
  it("of 200 ms", function() os.execute("sleep 0.2") end)
end)
