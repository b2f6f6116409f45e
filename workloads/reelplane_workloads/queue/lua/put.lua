-- Puts tasks in that are not there yet, waiting or for later.  KEYS: see keys.py.  ARGV: task, delay in ms, task, delay, ...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waiting = 0
for i = 1, #ARGV, 2 do
  local task, delay = ARGV[i], tonumber(ARGV[i + 1])
  if not redis.call('ZSCORE', KEYS[1], task) and not redis.call('ZSCORE', KEYS[2], task) then
    if delay > 0 then
      redis.call('ZADD', KEYS[2], now + delay, task)
    else
      redis.call('ZADD', KEYS[1], '+inf', task)
      redis.call('RPUSH', list_of(task), task)
      waiting = waiting + 1
    end
  end
end
if waiting > 0 then ring() end
return waiting
