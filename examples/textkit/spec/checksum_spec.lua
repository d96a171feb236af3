-- SPDX-License-Identifier: MIT
local checksum = require("textkit.checksum")

describe("checksum", function()
  describe("adler32", function()
    local cases = { { "", 1 }, { "a", 6422626 }, { "abc", 38600999 }, { "Wikipedia", 300286872 } }
    for _, case in ipairs(cases) do
      it(string.format("of %q", case[1]), function()
        assert.equal(case[2], checksum.adler32(case[1]))
      end)
    end
  end)

  describe("rolling", function()
    for length = 0, 30 do
      it("tells texts of length " .. length .. " apart", function()
        local text = ("x"):rep(length)
        assert.are_not.equal(checksum.rolling(text .. "a"), checksum.rolling(text .. "b"))
      end)
    end
  end)

  describe("collatz", function()
    local cases = { { 1, 0 }, { 2, 1 }, { 3, 7 }, { 6, 8 }, { 7, 16 }, { 27, 111 }, { 97, 118 } }
    for _, case in ipairs(cases) do
      it("of " .. case[1], function()
        assert.equal(case[2], checksum.collatz(case[1]))
      end)
    end
  end)

  describe("primes", function()
    local cases = { { 1, 0 }, { 2, 1 }, { 10, 4 }, { 100, 25 }, { 1000, 168 } }
    for _, case in ipairs(cases) do
      it("up to " .. case[1], function()
        assert.equal(case[2], #checksum.primes(case[1]))
      end)
    end
  end)

  describe("in a hot loop #slow", function()
    it("adler32", function()
      local text = ("The quick brown fox jumps over the lazy dog. "):rep(1000)
      for _ = 1, 15 do
        assert.equal(1270815754, checksum.adler32(text))
      end
    end)

    it("collatz", function()
      local longest = 0
      for start = 1, 8000 do
        longest = math.max(longest, checksum.collatz(start))
      end
      assert.equal(261, longest)
    end)

    it("primes", function()
      assert.equal(9592, #checksum.primes(100000))
    end)
  end)
end)
