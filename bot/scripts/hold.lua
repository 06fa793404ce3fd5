#!lua flags=allow-oom
-- HOLD: one of so many slots is taken for a while; its holder may say anew for how long. Answers how many are taken, or
-- 0 where none is free.
-- Safe to repeat: a holder has one slot, and a repeat only holds it for longer.
-- KEYS 1 slots   ARGV 1 holder, 2 how long ms, 3 how many slots there are
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not held and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('EXPIRE', KEYS[1], 3600)
return redis.call('ZCARD', KEYS[1])
