-- Forgets that the URLs are in flight, and leaves a medium or a failure where it is.  KEYS the URLs' keys.
for _, key in ipairs(KEYS) do
  local known = redis.call('GET', key)
  if known and string.sub(known, 1, 1) == 'f' then
    redis.call('DEL', key)
  end
end
return 1
