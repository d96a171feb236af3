-- SPDX-License-Identifier: MIT
local loop_module = require("textkit.loop")
local json = require("textkit.json")
local tokenizer = require("textkit.tokenizer")

describe("event loop", function()
  local loop, log

  before_each(function()
    loop = loop_module.new()
    log = {}
  end)

  local function note(text)
    log[#log + 1] = text
  end

  it("ends at once without tasks", function()
    assert.equal(0, loop:run())
  end)

  it("passes arguments, nil included", function()
    loop:spawn(function(...) note(select("#", ...)) end, nil, 2, nil)
    loop:run()
    assert.same({ 3 }, log)
  end)

  describe("order", function()
    it("takes turns", function()
      for _, name in ipairs({ "a", "b" }) do
        loop:spawn(function()
          for round = 1, 3 do
            note(name .. round)
            loop:yield()
          end
        end)
      end
      loop:run()
      assert.equal("a1 b1 a2 b2 a3 b3", table.concat(log, " "))
    end)

    it("wakes sleepers by time, then by order", function()
      for index, due in ipairs({ 3, 1, 2, 1 }) do
        loop:spawn(function()
          loop:sleep(due)
          note(index .. "@" .. loop.now)
        end)
      end
      assert.equal(3, loop:run())
      assert.equal("2@1 4@1 3@2 1@3", table.concat(log, " "))
    end)

    for count = 1, 40 do
      it("sorts " .. count .. " timers", function()
        for index = 1, count do
          loop:spawn(function()
            loop:sleep((index * 7919) % 101)
            note(loop.now)
          end)
        end
        loop:run()
        for index = 2, #log do
          assert.is_true(log[index - 1] <= log[index])
        end
        assert.equal(count, #log)
      end)
    end
  end)

  describe("join", function()
    it("returns the results", function()
      local task = loop:spawn(function() loop:sleep(5) return 1, nil, 3 end)
      loop:spawn(function() note(select("#", loop:join(task))) end)
      loop:run()
      assert.same({ 3 }, log)
    end)

    it("of a task that has ended", function()
      local task = loop:spawn(function() return "early" end)
      loop:spawn(function() loop:sleep(1) note(loop:join(task)) end)
      loop:run()
      assert.same({ "early" }, log)
    end)

    it("raises the error of the task", function()
      local task = loop:spawn(function() loop:sleep(1) error("broken", 0) end)
      local waiting = loop:spawn(function() loop:join(task) end)
      assert.has_error(function() loop:run() end, "broken")
      assert.is_false(task.ok)
      assert.is_false(waiting.ok)
    end)

    it("raises an error that nobody waits for", function()
      loop:spawn(function() error("alone", 0) end)
      assert.has_error(function() loop:run() end, "alone")
    end)
  end)

  describe("channel", function()
    for capacity = 1, 12 do
      it("of " .. capacity .. " keeps the order", function()
        local channel = loop:channel(capacity)
        loop:spawn(function()
          for value = 1, 30 do
            channel:put(value)
          end
        end)
        loop:spawn(function()
          for _ = 1, 30 do
            note(channel:get())
          end
        end)
        loop:run()
        for value = 1, 30 do
          assert.equal(value, log[value])
        end
      end)
    end

    it("serves several readers", function()
      local channel = loop:channel(2)
      local sum = 0
      for _ = 1, 4 do
        loop:spawn(function()
          for _ = 1, 10 do
            local value = channel:get() -- may let others run: read `sum` after it
            sum = sum + value
          end
        end)
      end
      loop:spawn(function()
        for value = 1, 40 do
          channel:put(value)
        end
      end)
      loop:run()
      assert.equal(820, sum)
    end)
  end)

  describe("at work #slow", function()
    it("decodes messages in a pipeline", function()
      local raw, decoded = loop:channel(8), loop:channel(8)
      local total = 0
      loop:spawn(function()
        for id = 1, 1000 do
          raw:put(json.encode({ id = id, words = { "alpha", "beta", tostring(id) } }))
        end
        raw:put("null")
      end)
      loop:spawn(function()
        repeat
          local message = json.decode(raw:get())
          decoded:put(message)
        until message == json.null
      end)
      loop:spawn(function()
        local message = decoded:get()
        while message ~= json.null do
          total = total + message.id
          message = decoded:get()
        end
      end)
      loop:run()
      assert.equal(500500, total)
    end)

    it("tokenizes in many tasks", function()
      local lexer = tokenizer.new({ { "space", "%s+", skip = true }, { "word", "%a+" }, { "number", "%d+" } })
      local count = 0
      for task = 1, 40 do
        loop:spawn(function()
          for _ in lexer:tokens(("word " .. task .. " "):rep(60)) do
            count = count + 1
            if count % 7 == 0 then
              loop:yield()
            end
          end
        end)
      end
      loop:run()
      assert.equal(40 * 120, count)
    end)

    it("walks trees with nested generators", function()
      local function tree(depth)
        if depth == 0 then
          return { value = 1 }
        end
        return { left = tree(depth - 1), right = tree(depth - 1), value = depth }
      end
      local function walk(node)
        return coroutine.wrap(function()
          if node.left then
            for value in walk(node.left) do coroutine.yield(value) end
          end
          coroutine.yield(node.value)
          if node.right then
            for value in walk(node.right) do coroutine.yield(value) end
          end
        end)
      end
      local sum = 0
      for value in walk(tree(10)) do
        sum = sum + value
      end
      assert.equal(3060, sum)
    end)

    for round = 1, 10 do
      it("switches tasks, round " .. round, function()
        local switches = 0
        for _ = 1, 20 do
          loop:spawn(function()
            for step = 1, 100 do
              switches = switches + step % 2
              loop:yield()
            end
          end)
        end
        loop:run()
        assert.equal(1000, switches)
      end)
    end
  end)
end)
