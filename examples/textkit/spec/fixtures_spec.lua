-- SPDX-License-Identifier: MIT
-- Every kind of fixture busted has, and the order they run in.

local lfs = require("lfs")
local json = require("textkit.json")

local function work(count)
  local sum = 0
  for index = 1, count do
    sum = sum + index % 3
  end
  return sum
end

describe("fixtures", function()
  local events = {}

  setup(function() events[#events + 1] = "setup" end)
  teardown(function() events[#events + 1] = "teardown" end)
  before_each(function() events[#events + 1] = "before" end)
  after_each(function() events[#events + 1] = "after" end)

  it("setup ran once, before_each before this test", function()
    assert.same({ "setup", "before" }, events)
  end)

  it("after_each ran after the first test", function()
    assert.same({ "setup", "before", "after", "before" }, events)
  end)

  describe("nested", function()
    before_each(function() events[#events + 1] = "inner before" end)
    after_each(function() events[#events + 1] = "inner after" end)

    it("run outside in", function()
      assert.equal("before", events[#events - 1])
      assert.equal("inner before", events[#events])
    end)

    it("run inside out", function()
      assert.equal("inner after", events[#events - 3])
      assert.equal("after", events[#events - 2])
    end)
  end)

  describe("lazy", function()
    local made = 0

    lazy_setup(function() made = made + 1 end)
    lazy_teardown(function() made = 0 end)

    describe("without tests", function() end)

    for index = 1, 3 do
      it("setup ran once, test " .. index, function()
        assert.equal(1, made)
      end)
    end
  end)

  describe("strict", function()
    local made = 0

    strict_setup(function() made = made + 1 end)
    strict_teardown(function() made = made - 1 end)

    it("setup ran", function()
      assert.equal(1, made)
    end)
  end)

  describe("finally", function()
    local cleaned = false

    it("runs after the test", function()
      finally(function() cleaned = true end)
      assert.is_false(cleaned)
    end)

    it("has run", function()
      assert.is_true(cleaned)
    end)
  end)

  describe("with files", function()
    local path

    before_each(function()
      path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write(json.encode({ lines = { "one", "two" } }))
      file:close()
    end)

    after_each(function()
      os.remove(path)
    end)

    it("reads the file back", function()
      local file = assert(io.open(path))
      assert.same({ lines = { "one", "two" } }, json.decode(file:read("*a")))
      file:close()
    end)

    it("knows its size", function()
      assert.equal(23, lfs.attributes(path, "size"))
    end)
  end)

  describe("that cost more than the tests #slow", function()
    setup(function() work(300000) end)
    before_each(function() work(20000) end)
    after_each(function() work(10000) end)

    for index = 1, 10 do
      it("small test " .. index, function()
        assert.is_true(index > 0)
      end)
    end
  end)
end)

insulate("insulated", function()
  it("may break a module", function()
    package.loaded["textkit.json"] = { broken = true }
    assert.is_true(require("textkit.json").broken)
  end)
end)

describe("after an insulated block", function()
  it("the module is whole", function()
    assert.is_function(require("textkit.json").encode)
  end)
end)

describe("names", function()
  it("may repeat", function() assert.is_true(true) end)
  it("may repeat", function() assert.is_true(work(5000) > 0) end)
  it("may; contain \"odd\" <characters> & 100 % of 'them'", function() assert.is_true(true) end)
  it("may end in a number 7", function() assert.is_true(true) end)
  it("may be Ünïcödé \226\156\147", function() assert.is_true(true) end)
  it("may span\nlines", function() assert.is_true(true) end)
end)

describe("tags #fast #unit", function()
  it("belong to this test as well #third", function() assert.is_true(true) end)
end)
