-- The generic cell rate algorithm (ITU-T I.371, annex A), as functions that other scripts are prefixed with.
--
-- One key per bucket holds the theoretical arrival time (TAT): the microsecond at which the bucket is full again.
-- A request of n tokens moves it n emission intervals ahead and is refused when that would pass now + burst
-- intervals. All numbers are integers of microseconds: today's 1.8e15 is far below 2^53, where doubles stop being exact.

-- The server's time: one clock for all processes, which need not agree on theirs.
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

-- Writes the TAT so that it expires when the bucket is full: an absent key and a full bucket are the same.
local function store(key, tat, now)
  redis.call('SET', key, string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
end

-- Returns {allowed, remaining tokens, microseconds until full, microseconds until allowed}.
local function take(key, interval, burst, cost, now)
  interval, burst = tonumber(interval), tonumber(burst)
  cost = math.min(tonumber(cost), burst) -- what can never fit waits for a full bucket
  local tat = math.max(tonumber(redis.call('GET', key) or now), now)
  local room = now + burst * interval - tat
  if room < cost * interval then
    return {0, math.floor(room / interval), tat - now, cost * interval - room}
  end
  tat = tat + cost * interval
  store(key, tat, now)
  return {1, math.floor((now + burst * interval - tat) / interval), tat - now, 0}
end

-- Undoes a take() of the same arguments.
local function give(key, interval, burst, cost, now)
  local tat = tonumber(redis.call('GET', key) or now) - math.min(tonumber(cost), tonumber(burst)) * tonumber(interval)
  if tat > now then
    store(key, tat, now)
  else
    redis.call('DEL', key)
  end
end
