local function trace() local l = 2 while true do local i = debug.getinfo(l, "Sl") if not i then break end if i.what ~= "tail" then OUT:write(i.what == "C" and "C" or i.currentline .. ":" .. i.linedefined, "\n") end l = l + 1 end OUT:write("--\n") OUT:flush() end
local function spin(...) trace() local n = 0 while true do n = n + 1 end end
local function inner(...)
	local r = spin(...)
	return r
end
local function body()
	local ok = pcall(inner, 1, 2)
	return ok
end
local function outer()
	local w = coroutine.wrap(body)
	trace() w()
	return 1
end
local object = setmetatable({}, {__index = function(t, k)
	outer()
	return k
end})
local function middle()
	local s = string.gsub("a", "a", function()
		local x = object.field
		return x
	end)
	return s
end
io.stdout:write("ready\n") io.stdout:flush() io.read(1)
middle()
