-- SPDX-License-Identifier: MIT
-- A cache that forgets what was used least recently. A ring of linked entries around a sentinel.

local lru = {}
local Cache = {}
Cache.__index = Cache

function lru.new(capacity)
  assert(capacity >= 1, "a cache needs room for one entry")
  local ring = {}
  ring.newer, ring.older = ring, ring
  return setmetatable({
    capacity = capacity,
    size = 0,
    hits = 0,
    misses = 0,
    entries = {},
    ring = ring, -- ring.older is the newest entry, ring.newer the oldest
  }, Cache)
end

local function unlink(entry)
  entry.newer.older = entry.older
  entry.older.newer = entry.newer
end

function Cache:push(entry)
  local ring = self.ring
  entry.newer, entry.older = ring, ring.older
  ring.older.newer = entry
  ring.older = entry
end

function Cache:get(key)
  local entry = self.entries[key]
  if not entry then
    self.misses = self.misses + 1
    return nil
  end
  self.hits = self.hits + 1
  unlink(entry)
  self:push(entry)
  return entry.value
end

function Cache:set(key, value)
  local entry = self.entries[key]
  if entry then
    entry.value = value
    unlink(entry)
    self:push(entry)
    return
  end
  if self.size == self.capacity then
    self:remove(self.ring.newer.key)
  end
  entry = { key = key, value = value }
  self.entries[key] = entry
  self.size = self.size + 1
  self:push(entry)
end

function Cache:remove(key)
  local entry = self.entries[key]
  if not entry then
    return false
  end
  unlink(entry)
  self.entries[key] = nil
  self.size = self.size - 1
  return true
end

--- The keys, newest first.
function Cache:keys()
  local list = {}
  local entry = self.ring.older
  while entry ~= self.ring do
    list[#list + 1] = entry.key
    entry = entry.older
  end
  return list
end

--- A function that remembers the results of `compute` by its single argument.
function lru.memoize(compute, capacity)
  local cache = lru.new(capacity)
  return function(argument)
    local value = cache:get(argument)
    if value == nil then
      value = compute(argument)
      cache:set(argument, value)
    end
    return value
  end, cache
end

return lru
