-- SPDX-License-Identifier: MIT
local lru = require("textkit.lru")

describe("lru", function()
  local cache

  describe("of three entries", function()
    before_each(function()
      cache = lru.new(3)
      cache:set("a", 1)
      cache:set("b", 2)
      cache:set("c", 3)
    end)

    after_each(function()
      assert.is_true(cache.size <= cache.capacity)
    end)

    it("keeps what fits", function()
      assert.same({ "c", "b", "a" }, cache:keys())
    end)

    it("forgets the oldest", function()
      cache:set("d", 4)
      assert.is_nil(cache:get("a"))
      assert.same({ "d", "c", "b" }, cache:keys())
    end)

    it("counts a read as use", function()
      assert.equal(1, cache:get("a"))
      cache:set("d", 4)
      assert.same({ "d", "a", "c" }, cache:keys())
    end)

    it("counts a write as use", function()
      cache:set("a", 10)
      assert.equal(3, cache.size)
      assert.same({ "a", "c", "b" }, cache:keys())
    end)

    it("removes", function()
      assert.is_true(cache:remove("b"))
      assert.is_false(cache:remove("b"))
      assert.same({ "c", "a" }, cache:keys())
    end)

    it("counts hits and misses", function()
      cache:get("a")
      cache:get("x")
      cache:get("y")
      assert.equal(1, cache.hits)
      assert.equal(2, cache.misses)
    end)

    describe("with one removed", function()
      before_each(function()
        cache:remove("a")
      end)

      it("has room", function()
        cache:set("d", 4)
        assert.same({ "d", "c", "b" }, cache:keys())
      end)

      it("takes the removed key again", function()
        cache:set("a", 5)
        assert.equal(5, cache:get("a"))
      end)
    end)
  end)

  describe("of any size", function()
    for capacity = 1, 30 do
      it("holds " .. capacity, function()
        cache = lru.new(capacity)
        for index = 1, capacity * 3 do
          cache:set(index, index * 2)
        end
        assert.equal(capacity, cache.size)
        assert.equal(capacity * 6, cache:get(capacity * 3))
        assert.is_nil(cache:get(capacity * 2))
      end)
    end

    it("needs room for one", function()
      assert.has_error(function() lru.new(0) end, "a cache needs room for one entry")
    end)
  end)

  describe("memoize", function()
    it("computes once", function()
      local calls = 0
      local square = lru.memoize(function(x) calls = calls + 1 return x * x end, 10)
      for _ = 1, 5 do
        assert.equal(49, square(7))
      end
      assert.equal(1, calls)
    end)

    it("computes again what was forgotten", function()
      local calls = 0
      local double = lru.memoize(function(x) calls = calls + 1 return x + x end, 2)
      double(1) double(2) double(3) double(1)
      assert.equal(4, calls)
    end)

    it("serves many reads #slow", function()
      local cube, cached = lru.memoize(function(x) return x * x * x end, 200)
      local sum = 0
      for round = 1, 20 do
        for x = 1, 250 do
          sum = sum + cube((x * round) % 230)
        end
      end
      assert.is_true(sum > 0)
      assert.equal(5000, cached.hits + cached.misses)
    end)
  end)
end)
