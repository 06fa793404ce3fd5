#!lua flags=allow-oom
-- AMEND: a question was edited or deleted. Waiting: its words are replaced, or it leaves the inbox and its reply is
-- final and empty, which the delivery sees to as to any other. Being answered: an edit is ignored, a deletion sets the
-- stop flag. Later: the caller mends the log. Sets, never adds; never starts a question.
-- KEYS 1 turn, 2 inbox, 3 lease, 4 fetching, 5 due, 6 reply, 7 and 8 the reply's texts
-- ARGV 1 turn id, 2 conversation, 3 'edit' or 'delete', 4 new words, 5 reply's ttl s, 6 stop channel, 7 hint channel
if not redis.call('LPOS', KEYS[2], ARGV[1]) then return 'later' end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local l = redis.call('HMGET', KEYS[3], 'token', 'expiry', 'head')
if l[1] and l[3] == ARGV[1] and tonumber(l[2]) > now then
  if ARGV[3] == 'edit' then return 'answering' end
  redis.call('HSET', KEYS[3], 'stop', ARGV[1])
  redis.call('PUBLISH', ARGV[6], ARGV[2])
  return 'stopping'
end
if ARGV[3] == 'edit' then
  redis.call('HSET', KEYS[1], 'words', ARGV[4])
  return 'replaced'
end
-- A holder whose lease has ended may wake up all the same: its fence is spent.
if l[3] == ARGV[1] then redis.call('HDEL', KEYS[3], 'token', 'expiry', 'head', 'attempts', 'stop') end
redis.call('LREM', KEYS[2], 1, ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('UNLINK', KEYS[7], KEYS[8])
redis.call('HSET', KEYS[6], 'phase', 'stopped', 'text', '', 'notes', '[]')
redis.call('EXPIRE', KEYS[6], ARGV[5])
if redis.call('LLEN', KEYS[2]) == 0 then
  redis.call('ZREM', KEYS[5], ARGV[2])
else
  redis.call('ZADD', KEYS[5], now, ARGV[2])
end
redis.call('PUBLISH', ARGV[7], ARGV[1] .. ' whole')
return 'cancelled'
