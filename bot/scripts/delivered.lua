#!lua flags=allow-oom
-- DELIVERED: everything of a reply is visible, or why not is recorded: it is owed no more. Names the conversation's next.
-- KEYS 1 turn, 2 reply, 3 owed, 4 outbox, 5 secret, 6 dead letters
-- ARGV 1 turn id, 2 how, 3 ttl s of what is done, 4 dead letter or '', 5 hint channel, 6 dead letters kept
if redis.call('ZREM', KEYS[3], ARGV[1]) == 1 then
  redis.call('LREM', KEYS[4], 1, ARGV[1])
  redis.call('HSET', KEYS[1], 'phase', ARGV[2])
  if ARGV[4] ~= '' then
    redis.call('RPUSH', KEYS[6], ARGV[4])
    redis.call('LTRIM', KEYS[6], -ARGV[6], -1)
  end
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  redis.call('EXPIRE', KEYS[2], ARGV[3])
  redis.call('DEL', KEYS[5])
end
local following = redis.call('LINDEX', KEYS[4], 0)
if following then redis.call('PUBLISH', ARGV[5], following) end
return following
