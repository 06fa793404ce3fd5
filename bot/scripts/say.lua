#!lua flags=allow-oom
-- SAY: a turn outside the inbox (a command, a notice) gets its final words. The first words stay.
-- KEYS 1 reply   ARGV 1 phase, 2 text, 3 ttl s, 4 hint channel, 5 turn id
if redis.call('HSETNX', KEYS[1], 'phase', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'text', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
end
redis.call('PUBLISH', ARGV[4], ARGV[5] .. ' whole')
return redis.call('HGET', KEYS[1], 'text')
