-- SPDX-License-Identifier: MIT
-- An event loop over coroutines with a clock of its own: sleeping costs no time.
--
-- A task yields a request to the loop ("sleep", "wait"), the loop resumes it when that is due.
-- Tasks that are due at the same time run in the order in which they asked.

local compat = require("textkit.compat")

local loop = {}
local Loop = {}
Loop.__index = Loop

function loop.new()
  return setmetatable({ now = 0, ready = {}, first = 1, last = 0, timers = {}, sequence = 0 }, Loop)
end

-- ---- timers: a binary heap by (due, sequence) -------------------------------------------------

local function earlier(a, b)
  if a.due ~= b.due then
    return a.due < b.due
  end
  return a.sequence < b.sequence
end

local function heap_push(heap, item)
  local index = #heap + 1
  heap[index] = item
  while index > 1 do
    local parent = math.floor(index / 2)
    if not earlier(heap[index], heap[parent]) then
      break
    end
    heap[index], heap[parent] = heap[parent], heap[index]
    index = parent
  end
end

local function heap_pop(heap)
  local top, length = heap[1], #heap
  heap[1] = heap[length]
  heap[length] = nil
  length = length - 1
  local index = 1
  while true do
    local smallest = index
    for child = 2 * index, 2 * index + 1 do
      if child <= length and earlier(heap[child], heap[smallest]) then
        smallest = child
      end
    end
    if smallest == index then
      return top
    end
    heap[index], heap[smallest] = heap[smallest], heap[index]
    index = smallest
  end
end

-- ---- tasks ------------------------------------------------------------------------------------

function Loop:make_ready(task, ...)
  self.last = self.last + 1
  self.ready[self.last] = { task = task, values = { n = select("#", ...), ... } }
end

--- Starts `body(...)` as a task. It first runs when the loop runs.
function Loop:spawn(body, ...)
  local task = { thread = coroutine.create(body), joined = {} }
  self:make_ready(task, ...)
  return task
end

function Loop:finish(task, ok, ...)
  task.done = true
  task.ok = ok
  task.results = { n = select("#", ...), ... }
  for _, waiting in ipairs(task.joined) do
    self:make_ready(waiting)
  end
  if not ok and #task.joined == 0 then
    error((...), 0)
  end
end

function Loop:step(task, ok, ...)
  if coroutine.status(task.thread) == "dead" then
    return self:finish(task, ok, ...)
  end
  local request, value = ...
  if request == "sleep" then
    self.sequence = self.sequence + 1
    heap_push(self.timers, { due = self.now + value, sequence = self.sequence, task = task })
  elseif request == "wait" then
    value[#value + 1] = task
  else
    self:make_ready(task)
  end
end

--- Runs until no task can go on.
-- @return the time the loop's clock shows then
function Loop:run()
  while true do
    local entry = self.ready[self.first]
    if entry then
      self.ready[self.first] = nil
      self.first = self.first + 1
      local values = entry.values
      self:step(entry.task, coroutine.resume(entry.task.thread, compat.unpack(values, 1, values.n)))
    elseif #self.timers > 0 then
      local timer = heap_pop(self.timers)
      self.now = timer.due
      self:make_ready(timer.task)
    else
      return self.now
    end
  end
end

-- ---- what a task may call ---------------------------------------------------------------------

function Loop:sleep(duration) -- luacheck: ignore self
  coroutine.yield("sleep", duration)
end

--- Lets every other ready task run first.
function Loop:yield() -- luacheck: ignore self
  coroutine.yield("ready")
end

--- Waits for the end of `task` and returns its results; raises its error.
function Loop:join(task) -- luacheck: ignore self
  if not task.done then
    coroutine.yield("wait", task.joined)
  end
  if not task.ok then
    error(task.results[1], 0)
  end
  return compat.unpack(task.results, 1, task.results.n)
end

-- ---- channels ---------------------------------------------------------------------------------

local Channel = {}
Channel.__index = Channel

--- A queue between tasks. put() waits while it is full, get() while it is empty.
function Loop:channel(capacity)
  return setmetatable({
    loop = self, capacity = capacity or 1, items = {}, first = 1, last = 0,
    getters = {}, putters = {},
  }, Channel)
end

local function wake(channel, waiting)
  local task = table.remove(waiting, 1)
  if task then
    channel.loop:make_ready(task)
  end
end

function Channel:size()
  return self.last - self.first + 1
end

function Channel:put(value)
  while self:size() >= self.capacity do
    coroutine.yield("wait", self.putters)
  end
  self.last = self.last + 1
  self.items[self.last] = value
  wake(self, self.getters)
end

function Channel:get()
  while self:size() == 0 do
    coroutine.yield("wait", self.getters)
  end
  local value = self.items[self.first]
  self.items[self.first] = nil
  self.first = self.first + 1
  wake(self, self.putters)
  return value
end

return loop
