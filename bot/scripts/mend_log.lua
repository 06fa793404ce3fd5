#!lua flags=allow-oom
-- MEND: an entry of a log is replaced, only where it still is what was read. Safe to repeat: it is then another one.
-- KEYS 1 log   ARGV 1 index, 2 entry as read, 3 entry as it shall be
if redis.call('LINDEX', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('LSET', KEYS[1], ARGV[1], ARGV[3])
return 1
