#!lua flags=allow-oom
-- RELEASE: the holder gives the conversation back, and the attempt with it. An old fence does nothing.
-- KEYS 1 lease, 2 due   ARGV 1 conversation, 2 fence, 3 ms until it is due
local l = redis.call('HMGET', KEYS[1], 'token', 'fence', 'attempts')
if not l[1] or l[2] ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], 'token', 'expiry')
redis.call('HSET', KEYS[1], 'attempts', math.max(tonumber(l[3]) - 1, 0))
local t = redis.call('TIME')
redis.call('ZADD', KEYS[2], t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[3]), ARGV[1])
return 1
