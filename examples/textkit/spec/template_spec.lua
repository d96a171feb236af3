-- SPDX-License-Identifier: MIT
local template = require("textkit.template")

describe("template", function()
  describe("render", function()
    local values = { name = "Ada", list = { 1, 2, 3 }, html = "<b>", empty = {}, yes = true }
    local cases = {
      { "", "" }, { "plain", "plain" }, { "{{ name }}", "Ada" }, { "Hello {{ name }}!", "Hello Ada!" },
      { "{{ html }}", "&lt;b&gt;" }, { "{- html -}", "<b>" }, { "{{ 1 + 2 }}", "3" },
      { "{{ #list }}", "3" }, { "{% if yes then %}y{% end %}", "y" },
      { "{% if not yes then %}y{% else %}n{% end %}", "n" },
      { "{% for i, v in ipairs(list) do %}{{ v }},{% end %}", "1,2,3," },
      { "{% for _, v in ipairs(empty) do %}x{% end %}", "" },
      { "{% local x = 2 %}{{ x * x }}", "4" }, { "{{ string.upper(name) }}", "ADA" },
      { "a\nb\n", "a\nb\n" }, { 'quote " and \\ backslash', 'quote " and \\ backslash' },
      { "{ not a tag }", "{ not a tag }" }, { "{{ unknown }}", "nil" },
    }
    for index, case in ipairs(cases) do
      it("case " .. index .. ": " .. case[1]:gsub("\n", " "), function()
        assert.equal(case[2], template.render(case[1], values))
      end)
    end
  end)

  describe("escape", function()
    for _, case in ipairs({ { "&", "&amp;" }, { "<", "&lt;" }, { ">", "&gt;" } }) do
      it("replaces " .. case[2]:sub(2, -2), function()
        assert.equal("a" .. case[2] .. "b", template.escape("a" .. case[1] .. "b"))
      end)
    end
  end)

  describe("errors", function()
    it("of an unfinished tag", function()
      assert.has_error(function() template.compile("{{ x") end, "unfinished {{")
    end)

    it("of bad code", function()
      assert.has_error(function() template.compile("{% for %}") end)
    end)

    it("of the code itself", function()
      assert.has_error(function() template.render("{{ x.y.z }}", { x = {} }) end)
    end)

    it("does not reach the globals", function()
      assert.equal("nil", template.render("{{ os }}"))
    end)
  end)

  describe("compiled once", function()
    local page

    lazy_setup(function()
      page = template.compile(
        "<ul>{% for _, item in ipairs(items) do %}<li class='{{ item.class }}'>{{ item.text }}</li>{% end %}</ul>",
        "page"
      )
    end)

    for count = 0, 40 do
      it("renders " .. count .. " items", function()
        local items = {}
        for index = 1, count do
          items[index] = { class = "c" .. index % 2, text = "item <" .. index .. ">" }
        end
        local html = page({ items = items })
        local _, found = html:gsub("<li", "")
        assert.equal(count, found)
      end)
    end

    it("renders a long list #slow", function()
      local items = {}
      for index = 1, 1500 do
        items[index] = { class = "row", text = "a & b " .. index }
      end
      assert.is_true(#page({ items = items }) > 50000)
    end)
  end)

  it("compiles many templates, each a chunk of its own #slow", function()
    for index = 1, 150 do
      local text = template.render("{% for i = 1, 5 do %}{{ i * " .. index .. " }} {% end %}")
      assert.equal(tostring(index), text:match("^%d+"))
    end
  end)
end)
