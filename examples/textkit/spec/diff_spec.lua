-- SPDX-License-Identifier: MIT
local diff = require("textkit.diff")

local function split(text)
  local list = {}
  for char in text:gmatch(".") do
    list[#list + 1] = char
  end
  return list
end

local function cost(edits)
  local count = 0
  for _, edit in ipairs(edits) do
    if edit.kind ~= "keep" then
      count = count + 1
    end
  end
  return count
end

describe("diff", function()
  describe("lines", function()
    local cases = { { "", 0 }, { "a", 1 }, { "a\n", 1 }, { "a\nb", 2 }, { "a\n\nb\n", 3 }, { "\n", 1 } }
    for _, case in ipairs(cases) do
      it(string.format("of %q", case[1]), function()
        assert.equal(case[2], #diff.lines(case[1]))
      end)
    end
  end)

  describe("edits", function()
    local cases = {
      { "", "", 0 }, { "a", "a", 0 }, { "", "a", 1 }, { "a", "", 1 }, { "a", "b", 2 }, { "ab", "ba", 2 },
      { "abc", "abc", 0 }, { "abc", "axc", 2 }, { "abcabba", "cbabac", 5 }, { "kitten", "sitting", 5 },
      { "aaaa", "aa", 2 }, { "abcdef", "acf", 3 }, { "xyz", "abcxyz", 3 },
    }
    for _, case in ipairs(cases) do
      it(string.format("from %q to %q", case[1], case[2]), function()
        local old, new = split(case[1]), split(case[2])
        local edits = diff.edits(old, new)
        assert.equal(case[3], cost(edits))
        assert.same(new, diff.apply(old, edits))
      end)
    end
  end)

  describe("format", function()
    it("signs each line", function()
      local edits = diff.edits({ "one", "two", "three" }, { "one", "2", "three", "four" })
      assert.equal(" one\n-two\n+2\n three\n+four", diff.format(edits))
    end)
  end)

  describe("apply", function()
    it("refuses what does not fit", function()
      local edits = diff.edits({ "a", "b" }, { "a", "c" })
      assert.has_error(function() diff.apply({ "x", "b" }, edits) end, "the edit does not fit at line 1")
    end)
  end)

  describe("of generated texts", function()
    local function text(seed, length)
      local list = {}
      for index = 1, length do
        list[index] = "line " .. (seed * index * 31) % 17
      end
      return list
    end

    for seed = 1, 60 do
      it("patches pair " .. seed, function()
        local old, new = text(seed, 20 + seed % 7), text(seed + 1, 22)
        assert.same(new, diff.apply(old, diff.edits(old, new)))
      end)
    end

    it("patches long texts #slow", function()
      local old, new = text(3, 250), text(5, 260)
      assert.same(new, diff.apply(old, diff.edits(old, new)))
    end)
  end)

  describe("distance", function()
    local cases = {
      { "", "", 0 }, { "a", "", 1 }, { "", "abc", 3 }, { "kitten", "sitting", 3 }, { "flaw", "lawn", 2 },
      { "saturday", "sunday", 3 }, { "same", "same", 0 }, { "abc", "cba", 2 },
    }
    for _, case in ipairs(cases) do
      it(string.format("of %q and %q", case[1], case[2]), function()
        assert.equal(case[3], diff.distance(case[1], case[2]))
        assert.equal(case[3], diff.distance(case[2], case[1]))
      end)
    end

    it("of long words #slow", function()
      local a, b = ("abcdefgh"):rep(50), ("abxdefgy"):rep(50)
      assert.equal(100, diff.distance(a, b))
    end)
  end)
end)
