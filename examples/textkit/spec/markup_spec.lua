-- SPDX-License-Identifier: MIT
local markup = require("textkit.markup")

describe("markup", function()
  describe("inline", function()
    local cases = {
      { "plain", "plain" }, { "a < b & c", "a &lt; b &amp; c" }, { "*em*", "<em>em</em>" },
      { "**strong**", "<strong>strong</strong>" }, { "`code`", "<code>code</code>" },
      { "`a < b`", "<code>a &lt; b</code>" }, { "~~old~~", "<del>old</del>" },
      { "[text](url)", '<a href="url">text</a>' }, { "![alt](pic.png)", '<img src="pic.png" alt="alt">' },
      { "**a *b* c**", "<strong>a <em>b</em> c</strong>" }, { "[*x*](y)", '<a href="y"><em>x</em></a>' },
      { "\\*no\\*", "*no*" }, { "2 * 3", "2 * 3" }, { "a ~ b", "a ~ b" }, { "[open", "[open" },
      { "`open", "`open" }, { "*a* and *b*", "<em>a</em> and <em>b</em>" }, { "", "" },
      { '[q](a"b)', '<a href="a&quot;b">q</a>' },
    }
    for index, case in ipairs(cases) do
      it("case " .. index .. ": " .. case[1], function()
        assert.equal(case[2], markup.inline(case[1]))
      end)
    end
  end)

  describe("blocks", function()
    local cases = {
      { "# One", "heading" }, { "###### Six", "heading" }, { "text", "paragraph" },
      { "- a\n- b", "list" }, { "* a", "list" }, { "1. a\n2. b", "ordered" }, { "> q", "quote" },
      { "---", "rule" }, { "```\ncode\n```", "fence" }, { "a\nb", "paragraph" },
      { "a\n\nb", "paragraph paragraph" }, { "# h\ntext", "heading paragraph" },
      { "- a\n\n- b", "list list" }, { "text\n- a", "paragraph list" }, { "", "" },
      { "```lua\nx = 1", "fence" }, { "---\n---", "rule rule" },
    }
    for index, case in ipairs(cases) do
      it("case " .. index .. ": " .. case[2], function()
        local kinds = {}
        for position, block in ipairs(markup.parse(case[1])) do
          kinds[position] = block.type
        end
        assert.equal(case[2], table.concat(kinds, " "))
      end)
    end

    for level = 1, 8 do
      it("heading level " .. level, function()
        local block = markup.parse(("#"):rep(level) .. " title")[1]
        assert.equal(math.min(level, 6), block.level)
        assert.equal("title", block.text)
      end)
    end

    it("keeps what a fence encloses", function()
      local block = markup.parse("```lua\n# no heading\n\n- no list\n```")[1]
      assert.equal("lua", block.language)
      assert.same({ "# no heading", "", "- no list" }, block.lines)
    end)
  end)

  describe("html", function()
    it("of a list", function()
      assert.equal("<ul>\n<li>a</li>\n<li><em>b</em></li>\n</ul>", markup.html("- a\n- *b*"))
    end)

    it("of quotes in quotes", function()
      assert.equal(
        "<blockquote>\n<blockquote>\n<p>x</p>\n</blockquote>\n</blockquote>",
        markup.html("> > x")
      )
    end)

    it("of a fence", function()
      assert.equal('<pre class="c">a &lt; b</pre>', markup.html("```c\na < b\n```"))
    end)

    describe("of a page", function()
      local page

      setup(function()
        local parts = { "# Title\n" }
        for index = 1, 12 do
          parts[#parts + 1] = "## Part " .. index .. "\n\nSome *text* with `code` and a [link](#" .. index .. ").\n"
          parts[#parts + 1] = "- first\n- **second**\n- third\n"
        end
        page = table.concat(parts, "\n")
      end)

      teardown(function()
        page = nil
      end)

      for repetition = 1, 30 do
        it("rendering " .. repetition, function()
          local html = markup.html(page)
          local _, headings = html:gsub("<h2>", "")
          assert.equal(12, headings)
        end)
      end

      it("with many pages #slow", function()
        assert.is_true(#markup.html(page:rep(12)) > 20000)
      end)
    end)
  end)
end)
