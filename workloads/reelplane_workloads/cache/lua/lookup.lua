-- What is known of a URL, or else a token of the client's bucket: one round trip for every request.
--
-- Who takes a token may also claim the URL, so that those who ask while it commits the work are told to wait for it
-- instead of paying as well. A claim is a flight without an id, and soon replaced by one that has it.
--
-- KEYS[1] what is known: a string whose first byte tells its kind, m(edium), f(light) or x (a failure).
-- KEYS[2] the client's bucket.
-- ARGV: emission interval in microseconds, burst, cost, seconds a claim stands or 0.
-- Returns the string; for a failure {string, seconds it stands}; for nothing known, what take() returns.
local known = redis.call('GET', KEYS[1])
if not known then
  local taken = take(KEYS[2], ARGV[1], ARGV[2], ARGV[3], clock())
  if taken[1] == 1 and ARGV[4] ~= '0' then
    redis.call('SET', KEYS[1], 'f', 'EX', ARGV[4])
  end
  return taken
end
if string.byte(known) == 120 then
  return {known, redis.call('TTL', KEYS[1])}
end
return known
