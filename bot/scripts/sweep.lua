#!lua flags=allow-oom
-- SWEEP: names conversations that are due, and moves them forward in the same step, so that they are rung by one worker.
-- A repeat finds others or none; what it moved comes round again.
-- KEYS 1 due   ARGV 1 how many, 2 ms forward
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, conversation in ipairs(found) do
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), conversation)
end
return found
