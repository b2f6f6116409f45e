-- Puts tokens back that were taken for nothing.  KEYS[1] the bucket.  ARGV: emission interval in microseconds, burst, cost.
give(KEYS[1], ARGV[1], ARGV[2], ARGV[3], clock())
return 1
