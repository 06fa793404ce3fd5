#!lua flags=allow-oom
-- RENEW: the fence alone decides. Sets, never adds. Answers 'lost', 'held' or 'stop'.
-- KEYS 1 lease, 2 due   ARGV 1 conversation, 2 fence, 3 lease ms
local l = redis.call('HMGET', KEYS[1], 'token', 'fence', 'stop')
if not l[1] or l[2] ~= ARGV[2] then return 'lost' end
local t = redis.call('TIME')
local expiry = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'expiry', expiry)
redis.call('ZADD', KEYS[2], expiry, ARGV[1])
if l[3] then return 'stop' end
return 'held'
