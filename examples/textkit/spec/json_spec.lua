-- SPDX-License-Identifier: MIT
local json = require("textkit.json")

describe("json", function()
  describe("decode", function()
    describe("scalars", function()
      local cases = {
        { "0", 0 }, { "-1", -1 }, { "12", 12 }, { "1.5", 1.5 }, { "-0.25", -0.25 }, { "1e3", 1000 },
        { "1E-2", 0.01 }, { "2.5e+1", 25 }, { "true", true }, { "false", false },
        { '""', "" }, { '"abc"', "abc" }, { '"a\\nb"', "a\nb" }, { '"\\"\\\\\\/"', '"\\/' },
        { '"\\u0041"', "A" }, { '"\\u00e9"', "\195\169" }, { '"\\u20ac"', "\226\130\172" },
        { '"\\ud83d\\ude00"', "\240\159\152\128" }, { "  7  ", 7 }, { "\n\t7\r\n", 7 },
      }
      for _, case in ipairs(cases) do
        it("reads " .. case[1], function()
          assert.equal(case[2], json.decode(case[1]))
        end)
      end

      it("reads null", function()
        assert.equal(json.null, json.decode("null"))
        assert.equal("null", tostring(json.null))
      end)
    end)

    describe("containers", function()
      local cases = {
        { "[]", {} }, { "{}", {} }, { "[1]", { 1 } }, { "[1,2,3]", { 1, 2, 3 } },
        { "[ 1 , 2 ]", { 1, 2 } }, { "[[],[[]]]", { {}, { {} } } }, { '{"a":1}', { a = 1 } },
        { '{ "a" : { "b" : [ true ] } }', { a = { b = { true } } } },
        { '{"a":1,"b":2}', { a = 1, b = 2 } }, { '{"":0}', { [""] = 0 } },
      }
      for _, case in ipairs(cases) do
        it("reads " .. case[1], function()
          assert.same(case[2], json.decode(case[1]))
        end)
      end
    end)

    describe("rejects", function()
      local cases = {
        "", " ", "tru", "nul", "[1", "[1,", "[1,]", "[,1]", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,}',
        "{a:1}", "{1:1}", '"abc', '"a\nb"', '"\\x"', '"\\u12"', '"\\ud83d\\u0041"', "01", "-", "1.",
        "1 2", "[] []", "+1", ".5", "NaN", "'a'", "[1 2]", '{"a" 1}', "\\", "//", "[1}",
      }
      for index, text in ipairs(cases) do
        it(string.format("number %d: %s", index, text:gsub("\n", " ")), function()
          assert.has_error(function() json.decode(text) end)
        end)
      end

      it("names the line", function()
        assert.has_error(function() json.decode('[\n1,\n"a\\q"]') end, "line 3: bad escape")
      end)
    end)
  end)

  describe("encode", function()
    local cases = {
      { 0, "0" }, { -1, "-1" }, { 1.5, "1.5" }, { 1e15, "1000000000000000" }, { true, "true" },
      { false, "false" }, { "", '""' }, { 'a"b', '"a\\"b"' }, { "a\\b", '"a\\\\b"' },
      { "\n\t\r", '"\\n\\t\\r"' }, { "\1", '"\\u0001"' }, { "\195\169", '"\195\169"' },
      { {}, "[]" }, { { 1, 2 }, "[1,2]" }, { { a = 1 }, '{"a":1}' },
      { { b = 1, a = 2 }, '{"a":2,"b":1}' }, { { { {} } }, "[[[]]]" }, { json.null, "null" },
    }
    for index, case in ipairs(cases) do
      it("writes number " .. index .. ": " .. case[2], function()
        assert.equal(case[2], json.encode(case[1]))
      end)
    end

    it("refuses what JSON lacks", function()
      assert.has_error(function() json.encode(print) end, "cannot encode a function")
      assert.has_error(function() json.encode({ [1.5] = 1 }) end, "cannot encode a key of type number")
      assert.has_error(function() json.encode(0 / 0) end)
      assert.has_error(function() json.encode(1 / 0) end)
    end)

    it("refuses a cycle", function()
      local cycle = {}
      cycle[1] = cycle
      assert.has_error(function() json.encode(cycle) end, "nested too deeply")
    end)
  end)

  describe("round trip", function()
    local function document(seed)
      return {
        id = seed,
        name = "item " .. seed,
        tags = { "a" .. seed % 3, "b" .. seed % 5 },
        nested = { deep = { deeper = { seed, seed + 1, seed * 2 } }, flag = seed % 2 == 0 },
      }
    end

    for seed = 1, 120 do
      it("of document " .. seed, function()
        local value = document(seed)
        assert.same(value, json.decode(json.encode(value)))
      end)
    end

    it("of a large document #slow", function()
      local list = {}
      for seed = 1, 400 do
        list[seed] = document(seed)
      end
      local text = json.encode(list)
      assert.equal(text, json.encode(json.decode(text)))
    end)

    it("inside of a coroutine #slow", function()
      local worker = coroutine.wrap(function(value)
        while true do
          value = coroutine.yield(json.decode(json.encode(value)))
        end
      end)
      for seed = 1, 150 do
        local value = document(seed)
        assert.equal(seed + 1, worker(value).nested.deep.deeper[2])
      end
    end)
  end)
end)
