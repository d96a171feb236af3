-- SPDX-License-Identifier: MIT
-- Libraries written in C and in Lua, as a project uses them. A library that this interpreter lacks
-- makes its tests pending.

local function describe_with(name, body)
  local found, library = pcall(require, name)
  describe(name, function()
    if found then
      body(library)
    else
      pending("is not installed for " .. _VERSION)
    end
  end)
end

local function numbers(count)
  local list = {}
  for index = 1, count do
    list[index] = index
  end
  return list
end

describe_with("lpeg", function(lpeg)
  local number = lpeg.R("09") ^ 1 / tonumber
  local list = lpeg.Ct(number * (lpeg.P(",") * number) ^ 0)

  for round = 1, 8 do
    it("parses a long list, round " .. round .. " #slow", function()
      assert.equal(15000, #list:match(table.concat(numbers(15000), ",")))
    end)
  end

  for index = 1, 20 do
    it("captures " .. index, function()
      assert.equal(index, lpeg.match(number, tostring(index)))
    end)
  end

  it("calls back", function()
    local count = 0
    local word = lpeg.R("az") ^ 1 / function() count = count + 1 end
    assert.truthy(((word + 1) ^ 0):match("some words of text"))
    assert.equal(4, count)
  end)
end)

describe_with("cjson", function(cjson)
  for round = 1, 8 do
    it("round trip, round " .. round .. " #slow", function()
      assert.equal(15000, #cjson.decode(cjson.encode(numbers(15000))))
    end)
  end

  for index = 1, 20 do
    it("object " .. index, function()
      assert.equal(index, cjson.decode('{"a":[' .. index .. "]}").a[1])
    end)
  end

  it("agrees with textkit", function()
    local json = require("textkit.json")
    local text = '{"a":[1,2.5,"x"],"b":{"c":true}}'
    assert.same(cjson.decode(text), json.decode(text))
  end)
end)

describe_with("dkjson", function(dkjson)
  local function tree(depth)
    if depth == 0 then
      return { value = 1 }
    end
    return { left = tree(depth - 1), right = tree(depth - 1), value = depth }
  end

  for round = 1, 8 do
    it("round trip inside of a coroutine, round " .. round .. " #slow", function()
      local text = dkjson.encode(tree(7))
      local worker = coroutine.create(function() return dkjson.decode(text) end)
      local ok, value = coroutine.resume(worker)
      assert.is_true(ok)
      assert.equal(7, value.value)
    end)
  end
end)

describe_with("pl.pretty", function(pretty)
  local stringx, List = require("pl.stringx"), require("pl.List")

  for index = 1, 150 do
    it("writes and reads table " .. index, function()
      local value = { a = index, b = { index, index + 1, { c = tostring(index) } } }
      assert.same(value, pretty.read(pretty.write(value)))
      assert.equal(3, #stringx.split("a,b,c", ","))
      assert.equal(10, List.range(1, 10):len())
    end)
  end
end)

describe("standard library", function()
  for round = 1, 6 do
    it("sorts and substitutes, round " .. round .. " #slow", function()
      local list = {}
      for index = 1, 6000 do
        list[index] = (index * 7919) % 6007
      end
      table.sort(list, function(a, b) return a < b end)
      assert.is_true(list[1] <= list[2])
      assert.equal(50000, #(("x"):rep(50000):gsub("x", "y")))
      local _, count = ("a,b,c;"):rep(500):gsub("%a", function(char) return char:upper() end)
      assert.equal(1500, count)
    end)
  end
end)

describe("ffi", function()
  local found, ffi = pcall(require, "ffi")

  local function native_it(name, body)
    if found then
      it(name, body)
    else
      pending(name .. " (no FFI in " .. _VERSION .. ")")
    end
  end

  native_it("calls a C function", function()
    ffi.cdef("int abs(int);")
    assert.equal(5, ffi.C.abs(-5))
  end)

  native_it("fills an array", function()
    local array = ffi.new("int[?]", 1000)
    for index = 0, 999 do
      array[index] = index * 2
    end
    assert.equal(1998, array[999])
  end)

  native_it("is called back by qsort #slow", function()
    ffi.cdef("void qsort(void *, size_t, size_t, int (*)(const int *, const int *));")
    local array = ffi.new("int[2000]")
    for index = 0, 1999 do
      array[index] = (index * 7919) % 2003
    end
    local compare = ffi.cast("int (*)(const int *, const int *)", function(a, b)
      return a[0] - b[0]
    end)
    ffi.C.qsort(array, 2000, ffi.sizeof("int"), compare)
    compare:free()
    for index = 1, 1999 do
      assert.is_true(array[index - 1] <= array[index])
    end
  end)

  native_it("works on a struct in a hot loop #slow", function()
    local point = ffi.new("struct { double x, y; }")
    for index = 1, 2000000 do
      point.x = point.x + index % 3
      point.y = point.y + point.x * 1e-9
    end
    assert.is_true(point.x > 0)
  end)
end)
