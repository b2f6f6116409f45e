-- All that a consumer has to say and to ask, in one step.  KEYS: see keys.py.
-- ARGV: tasks wanted, ms a taken task is leased for, ms the held ones are kept for (0: given back), number of done ones,
-- the done ones, the held ones.  Returns: ms until the next task is due (-1: none), then the tasks that were taken.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wanted, lease, keep, done = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
for i = 5, 4 + done do redis.call('ZREM', KEYS[1], ARGV[i]) end
for i = 5 + done, #ARGV do redis.call('ZADD', KEYS[1], 'XX', now + keep, ARGV[i]) end

-- What has become due goes behind the others of its priority, what a consumer let go of before them.
for _, task in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[2], task)
  redis.call('ZADD', KEYS[1], '+inf', task)
  redis.call('RPUSH', list_of(task), task)
end
for _, task in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZADD', KEYS[1], '+inf', task)
  redis.call('LPUSH', list_of(task), task)
end

local left = 0
local answer = {-1}
for i = 4, 6 do
  while #answer <= wanted do
    local task = redis.call('LPOP', KEYS[i])
    if not task then break end
    if redis.call('ZSCORE', KEYS[1], task) then -- otherwise it was done while it lay here a second time
      redis.call('ZADD', KEYS[1], now + lease, task)
      answer[#answer + 1] = task
    end
  end
  left = left + redis.call('LLEN', KEYS[i])
end
if left > 0 then ring() end
local next_due = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if next_due[2] then answer[1] = math.max(0, next_due[2] - now) end
return answer
