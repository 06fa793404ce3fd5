#!lua flags=allow-oom
-- READY: a turn's files and quoted messages are in. Only from `fetching`, so a late or repeated one changes nothing.
-- KEYS 1 fetching, 2 turn, 3 due, 4 inbox   ARGV 1 turn id, 2 conversation, 3 record
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], 'record', ARGV[3])
if redis.call('LINDEX', KEYS[4], 0) == ARGV[1] then
  local t = redis.call('TIME')
  redis.call('ZADD', KEYS[3], 'XX', t[1] * 1000 + math.floor(t[2] / 1000), ARGV[2]) -- it may stand in a line
end
return 1
