#!lua flags=allow-oom
-- SWEEP: names conversations that are due, and moves them forward in the same step, so that they are rung by one worker.
-- Looks before that at lines in which somebody waits: seats that are free, whoever forgot them, are handed over.
-- A repeat finds others or none; what it moved comes round again.
-- KEYS 1 due, 2 lines   ARGV 1 how many, 2 ms forward, then those of seats
--@ seats
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  redis.call('ZADD', KEYS[2], now + LOOK, name)
  rightful(name)
  hand_over(name, {})
end
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, conversation in ipairs(found) do
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), conversation)
end
return found
