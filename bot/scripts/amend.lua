#!lua flags=allow-oom
-- AMEND: a question was edited or deleted. Waiting: replaced or cancelled. Being answered: an edit is ignored, a
-- deletion sets the stop flag. Later: the caller mends the log. Sets, never adds; never starts a question.
-- KEYS 1 turn, 2 inbox, 3 lease, 4 fetching, 5 owed, 6 outbox, 7 due
-- ARGV 1 turn id, 2 conversation, 3 new record ('' deletes), 4 ttl s of what was cancelled, 5 stop channel
if not redis.call('LPOS', KEYS[2], ARGV[1]) then return 'later' end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local l = redis.call('HMGET', KEYS[3], 'token', 'expiry', 'head')
if l[1] and l[3] == ARGV[1] and tonumber(l[2]) > now then
  if ARGV[3] == '' then
    redis.call('HSET', KEYS[3], 'stop', ARGV[1])
    redis.call('PUBLISH', ARGV[5], ARGV[2])
    return 'stopping'
  end
  return 'answering'
end
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'record', ARGV[3])
  return 'replaced'
end
redis.call('LREM', KEYS[2], 1, ARGV[1])
redis.call('LREM', KEYS[6], 1, ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('HSET', KEYS[1], 'phase', 'cancelled')
redis.call('EXPIRE', KEYS[1], ARGV[4])
if redis.call('LLEN', KEYS[2]) == 0 then
  redis.call('ZREM', KEYS[7], ARGV[2])
else
  redis.call('ZADD', KEYS[7], now, ARGV[2])
end
return 'cancelled'
