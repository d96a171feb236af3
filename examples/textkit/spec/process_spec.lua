-- SPDX-License-Identifier: MIT
local process = require("textkit.process")

describe("process #children", function()
  describe("shell", function()
    for index = 1, 6 do
      it("echoes " .. index, function()
        assert.equal("word " .. index, process.capture("echo word " .. index))
      end)
    end

    it("quotes", function()
      local text = "it's \"quoted\" $HOME `x` \\"
      assert.equal(text, process.capture("printf %s " .. process.quote(text)))
    end)

    it("knows success", function()
      assert.is_true(process.succeeds("true"))
      assert.is_false(process.succeeds("false"))
      assert.is_false(process.succeeds("exit 3"))
    end)

    it("pipes", function()
      assert.equal("3", process.capture("printf 'a\\nb\\nc\\n' | wc -l | tr -d ' '"))
    end)

    it("sleeps without using the processor", function()
      assert.is_true(process.succeeds("sleep 0.05"))
    end)
  end)

  describe("interpreter", function()
    for index = 1, 12 do
      it("computes in child " .. index, function()
        assert.equal(tostring(index * index), process.lua("io.write(" .. index .. " * " .. index .. ")"))
      end)
    end

    it("has the version of its parent", function()
      assert.equal(_VERSION, process.lua("io.write(_VERSION)"))
    end)

    it("works hard in a child #slow", function()
      local code = "local s = 0 for i = 1, 1500000 do s = s + i % 7 end io.write(s > 0 and 'done' or '')"
      assert.equal("done", process.lua(code))
    end)

    it("starts a grandchild", function()
      local inner = process.quote(process.interpreter()) .. " -e 'io.write(7)'"
      local code = string.format("local p = io.popen(%q) io.write(p:read('*a')) p:close()", inner)
      assert.equal("7", process.lua(code))
    end)
  end)
end)
