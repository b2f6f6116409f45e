-- How many tasks are due: waiting, taken, and those that nobody has moved from later to waiting yet.  KEYS: see keys.py.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZCARD', KEYS[1]) + redis.call('ZCOUNT', KEYS[2], '-inf', now)
