#!lua flags=allow-oom
-- REPARK: a parked reply becomes what its author made of it, or leaves, if it is still what the caller has read; so
-- neither an edit nor a deletion is lost to whoever admits it at that moment. Safe to repeat: what is so already is 1.
-- KEYS 1 parked   ARGV 1 message id, 2 record that was read, 3 new record; without it the reply leaves
local kept = redis.call('HGET', KEYS[1], ARGV[1]) or nil
if kept == ARGV[3] then return 1 end
if kept ~= ARGV[2] then return 0 end
if ARGV[3] then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 1
