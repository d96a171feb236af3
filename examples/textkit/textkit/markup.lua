-- SPDX-License-Identifier: MIT
-- A small dialect of Markdown: headings, paragraphs, lists, quotes, fences, rules, inline markup.
--
-- parse() gives a tree of blocks, html() writes it. Inline markup nests by recursion.

local template = require("textkit.template")

local markup = {}

-- ---- inline -----------------------------------------------------------------------------------

local escape = template.escape
local inline

local SPANS = {
  { "^`([^`]+)`", function(text) return "<code>" .. escape(text) .. "</code>" end },
  { "^%*%*(.-)%*%*", function(text) return "<strong>" .. inline(text) .. "</strong>" end },
  { "^%*([^*]+)%*", function(text) return "<em>" .. inline(text) .. "</em>" end },
  { "^~~(.-)~~", function(text) return "<del>" .. inline(text) .. "</del>" end },
  { "^!%[([^%]]*)%]%(([^)]*)%)", function(text, url)
    return '<img src="' .. escape(url) .. '" alt="' .. escape(text) .. '">'
  end },
  { "^%[([^%]]*)%]%(([^)]*)%)", function(text, url)
    return '<a href="' .. escape(url) .. '">' .. inline(text) .. "</a>"
  end },
  { "^\\(%p)", function(char) return escape(char) end },
}

local function span_at(text, position)
  for _, span in ipairs(SPANS) do
    local first, last, a, b = text:find(span[1], position)
    if first then
      return span[2](a, b), last
    end
  end
end

function inline(text)
  local out, position = {}, 1
  while position <= #text do
    local special = text:find("[`*~!%[\\]", position)
    out[#out + 1] = escape(text:sub(position, (special or 0) - 1))
    if not special then
      break
    end
    local html, last = span_at(text, special)
    if not html then
      html, last = escape(text:sub(special, special)), special
    end
    out[#out + 1] = html
    position = last + 1
  end
  return table.concat(out)
end

markup.inline = inline

-- ---- blocks -----------------------------------------------------------------------------------

local function lines_of(source)
  return coroutine.wrap(function()
    for line in (source .. "\n"):gmatch("([^\n]*)\n") do
      coroutine.yield(line)
    end
  end)
end

local Builder = {}
Builder.__index = Builder

function Builder:add(block)
  self.blocks[#self.blocks + 1] = block
  self.open = block.type ~= "rule" and block.type ~= "heading" and block or nil
end

-- Continues the open block of this type, or starts one.
function Builder:append(kind, field, value)
  if not self.open or self.open.type ~= kind then
    self:add({ type = kind, [field] = {} })
  end
  local list = self.open[field]
  list[#list + 1] = value
end

local RULES = {
  { "^%s*$", function(builder) builder.open = nil end },
  { "^(#+)%s+(.-)%s*#*$", function(builder, marks, text)
    builder:add({ type = "heading", level = math.min(#marks, 6), text = text })
  end },
  { "^%-%-%-+%s*$", function(builder) builder:add({ type = "rule" }) end },
  { "^[-*]%s+(.*)$", function(builder, text) builder:append("list", "items", text) end },
  { "^%d+%.%s+(.*)$", function(builder, text) builder:append("ordered", "items", text) end },
  { "^>%s?(.*)$", function(builder, text) builder:append("quote", "lines", text) end },
  { "^(.*)$", function(builder, text) builder:append("paragraph", "lines", text) end },
}

function Builder:line(line)
  for _, rule in ipairs(RULES) do
    local a, b = line:match(rule[1])
    if a then
      return rule[2](self, a, b)
    end
  end
end

--- The blocks of `source`.
function markup.parse(source)
  local builder = setmetatable({ blocks = {} }, Builder)
  local fence
  for line in lines_of(source) do
    local mark = line:match("^```%s*(%S*)")
    if fence and mark then
      builder:add(fence)
      fence, builder.open = nil, nil
    elseif fence then
      fence.lines[#fence.lines + 1] = line
    elseif mark then
      fence = { type = "fence", language = mark, lines = {} }
    else
      builder:line(line)
    end
  end
  if fence then
    builder:add(fence)
  end
  return builder.blocks
end

-- ---- HTML -------------------------------------------------------------------------------------

local HTML = {}

local function list_html(tag, items)
  local out = {}
  for index, item in ipairs(items) do
    out[index] = "<li>" .. inline(item) .. "</li>"
  end
  return "<" .. tag .. ">\n" .. table.concat(out, "\n") .. "\n</" .. tag .. ">"
end

function HTML.heading(block)
  return string.format("<h%d>%s</h%d>", block.level, inline(block.text), block.level)
end

function HTML.rule()
  return "<hr>"
end

function HTML.list(block)
  return list_html("ul", block.items)
end

function HTML.ordered(block)
  return list_html("ol", block.items)
end

function HTML.quote(block)
  return "<blockquote>\n" .. markup.html(table.concat(block.lines, "\n")) .. "\n</blockquote>"
end

function HTML.fence(block)
  local class = block.language ~= "" and ' class="' .. escape(block.language) .. '"' or ""
  return "<pre" .. class .. ">" .. escape(table.concat(block.lines, "\n")) .. "</pre>"
end

function HTML.paragraph(block)
  return "<p>" .. inline(table.concat(block.lines, "\n")) .. "</p>"
end

--- `source` as HTML.
function markup.html(source)
  local out = {}
  for index, block in ipairs(markup.parse(source)) do
    out[index] = HTML[block.type](block)
  end
  return table.concat(out, "\n")
end

return markup
