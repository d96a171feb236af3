-- SPDX-License-Identifier: MIT
-- Differences of two lists of lines: Myers' O(ND) algorithm, unified output, and patching.

local diff = {}

function diff.lines(text)
  local list = {}
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    list[#list + 1] = line
  end
  if list[#list] == "" then
    list[#list] = nil
  end
  return list
end

-- The furthest reaching paths for each number of edits, kept for the way back.
local function furthest_paths(old, new)
  local reach, history = { [1] = 0 }, {}
  for edits = 0, #old + #new do
    local copy = {}
    for diagonal, x in pairs(reach) do
      copy[diagonal] = x
    end
    history[edits] = copy
    for diagonal = -edits, edits, 2 do
      local down = diagonal == -edits
        or (diagonal ~= edits and reach[diagonal - 1] < reach[diagonal + 1])
      local x = down and reach[diagonal + 1] or reach[diagonal - 1] + 1
      local y = x - diagonal
      while x < #old and y < #new and old[x + 1] == new[y + 1] do
        x, y = x + 1, y + 1
      end
      reach[diagonal] = x
      if x >= #old and y >= #new then
        return history, edits
      end
    end
  end
end

--- The edits that make `new` of `old`: a list of { kind = "keep" | "delete" | "insert", text = }.
function diff.edits(old, new)
  local history, edits = furthest_paths(old, new)
  local list = {}
  local x, y = #old, #new
  for count = edits, 1, -1 do
    local reach, diagonal = history[count], x - y
    local down = diagonal == -count
      or (diagonal ~= count and reach[diagonal - 1] < reach[diagonal + 1])
    local previous = down and diagonal + 1 or diagonal - 1
    local from_x = reach[previous]
    local from_y = from_x - previous
    while x > from_x and y > from_y do
      list[#list + 1] = { kind = "keep", text = old[x] }
      x, y = x - 1, y - 1
    end
    if down then
      list[#list + 1] = { kind = "insert", text = new[y] }
      y = y - 1
    else
      list[#list + 1] = { kind = "delete", text = old[x] }
      x = x - 1
    end
  end
  while x > 0 do
    list[#list + 1] = { kind = "keep", text = old[x] }
    x = x - 1
  end
  local ordered = {}
  for index = #list, 1, -1 do
    ordered[#ordered + 1] = list[index]
  end
  return ordered
end

local SIGN = { keep = " ", delete = "-", insert = "+" }

--- The edits as text, one line each, with its sign.
function diff.format(edits)
  local out = {}
  for index, edit in ipairs(edits) do
    out[index] = SIGN[edit.kind] .. edit.text
  end
  return table.concat(out, "\n")
end

--- Applies `edits` to `old`; raises an error where they do not fit.
function diff.apply(old, edits)
  local result, position = {}, 1
  for _, edit in ipairs(edits) do
    if edit.kind ~= "insert" then
      if old[position] ~= edit.text then
        error("the edit does not fit at line " .. position, 0)
      end
      position = position + 1
    end
    if edit.kind ~= "delete" then
      result[#result + 1] = edit.text
    end
  end
  return result
end

--- How many single characters must change to make `b` of `a`.
function diff.distance(a, b)
  local row = {}
  for column = 0, #b do
    row[column] = column
  end
  for line = 1, #a do
    local diagonal = row[0]
    row[0] = line
    for column = 1, #b do
      local above = row[column]
      local cost = a:byte(line) == b:byte(column) and 0 or 1
      row[column] = math.min(above + 1, row[column - 1] + 1, diagonal + cost)
      diagonal = above
    end
  end
  return row[#b]
end

return diff
