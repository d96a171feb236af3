local function leaf(n)
	local s = 0
	for i = 1, n do
		if i % 2 == 0 then s = s + i else s = s - 1 end
	end
	return s
end
local function va(...)
	local n = select("#", ...)
	return n, leaf(n)
end
local mt = {}
mt.__index = function(t, k)
	local n, v = va(k, 1)
	return v
end
mt.__lt = function(a, b)
	return leaf(1) < 0
end
local object, other = setmetatable({}, mt), setmetatable({}, mt)
local function less(a, b)
	if object < other then return b < a end
	return a > b
end
local function close(n)
	while n > 0 do
		local x = n
		local f = function() x = x - 1 return x end
		n = f()
	end
end
local function tail(n)
	return leaf(n)
end
local function letter(c)
	return leaf(1)
end
local function fails()
	error(object)
end
local function several(...)
	return 1, 2, ...
end
local wrapped = coroutine.wrap(function()
	while true do
		leaf(2)
		coroutine.yield()
	end
end)
local function round(list)
	local a = object.field
	local b = tail(2)
	close(2)
	table.sort(list, less)
	string.gsub("ab", "%a", letter)
	pcall(fails)
	wrapped()
	a, b = several(a, b)
end
local list = {3, 1, 2}
io.stdout:write("ready\n") io.stdout:flush() io.read(1)
while true do
	round(list)
end
