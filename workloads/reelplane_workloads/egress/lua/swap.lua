-- Compare-and-set of one field of a hash, so that a rule written once (in Python) can be applied atomically.
-- KEYS[1] hash, ARGV[1] field, ARGV[2] what the field must hold ('' when it must be absent), ARGV[3] what it
-- shall hold, ARGV[4] milliseconds the hash lives from now. Returns 1 when it was set, 0 when it held otherwise.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
