-- Keeps a flight's last event for those who come later and sends it to those who listen now.
-- Events are numbered, so that a listener can tell the kept one from one that it has seen: by the clock, because a
-- counter would start again when the data is lost. Nothing follows a last word: a late report of a worker that lost
-- the flight is dropped.
--
-- KEYS[1] hash of the flight's last event.  ARGV: channel, event as JSON, 1 if it is the last word, seconds to keep.
local last = redis.call('HMGET', KEYS[1], 'number', 'final')
if last[2] == '1' then return 0 end
local t = redis.call('TIME')
local number = string.format('%.0f', math.max(t[1] * 1000000 + t[2], (tonumber(last[1]) or 0) + 1))
redis.call('HSET', KEYS[1], 'number', number, 'final', ARGV[3], 'event', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[1], number .. ' ' .. ARGV[2])
return 1
