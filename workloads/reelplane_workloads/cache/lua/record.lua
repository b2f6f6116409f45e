-- Writes what is known of URLs, unless something that says more stands there: medium, then failure, then flight.
-- So a request that was slow to note its flight cannot hide the medium which that flight brought in meanwhile.
--
-- KEYS the URLs' keys.  ARGV: the value (its first byte tells its kind), seconds it stands.
local rank = {m = 3, x = 2, f = 1}
local mine = rank[string.sub(ARGV[1], 1, 1)]
for _, key in ipairs(KEYS) do
  local known = redis.call('GET', key)
  if not known or rank[string.sub(known, 1, 1)] <= mine then
    redis.call('SET', key, ARGV[1], 'EX', ARGV[2])
  end
end
return 1
