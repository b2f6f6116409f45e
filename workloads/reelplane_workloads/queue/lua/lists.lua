-- Shared by put and exchange.  A task begins with the digit of its priority; what does not, goes to the last list.
local function list_of(task)
  local first = string.sub(task, 1, 1)
  return KEYS[4 + ((first == '0' or first == '1') and tonumber(first) or 2)]
end

-- One blocked consumer is woken; it takes what it has room for and wakes the next one if anything is left.
local function ring()
  if redis.call('LLEN', KEYS[3]) == 0 then redis.call('RPUSH', KEYS[3], '1') end
end
