local function trace() local l = 2 while true do local i = debug.getinfo(l, "Sl") if not i then break end if i.what ~= "tail" then OUT:write(i.what == "C" and "C" or i.currentline .. ":" .. i.linedefined, "\n") end l = l + 1 end OUT:write("--\n") OUT:flush() end
local function block()
	trace() io.stdout:write("ready\n") io.stdout:flush() io.read(1)
	return 1
end
local function va(...)
	local x = block(...)
	return x
end
local mt = {}
mt.__index = function(t, k)
	local v = va(k, 1, 2, 3)
	return v
end
mt.__add = function(a, b)
	local q = setmetatable({}, mt).foo
	return q
end
local function cmp(a, b)
	local z = setmetatable({}, mt) + 1
	return a < b
end
local function sorter()
	local t = {3, 1}
	table.sort(t, cmp)
end
local function tail() return sorter() end
local function inco()
	local ok = pcall(tail)
	return 1
end
local function outer()
	local w = coroutine.wrap(inco)
	trace() w()
end
local function gs()
	local s = string.gsub("a", "a", function(c)
		local ok = xpcall(outer, function(e) return e end)
		return "b"
	end)
	return s
end
gs()
