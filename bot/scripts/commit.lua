#!lua flags=allow-oom
-- COMMIT: question and answer enter the log, the reply is final, the head leaves the inbox and the fence is spent,
-- all or none of it. Remembers what it did, so that a repeat of it succeeds. Its seats go to who waits for them.
-- KEYS 1 lease, 2 inbox, 3 due, 4 reply, 5 and 6 its texts, 7 log, 8 costs of the log,
--      9 dead letters
-- ARGV 1 conversation, 2 fence, 3 turn id, 4 text, 5 phase, 6 alias, 7 notes, 8 usage, 9 reply's ttl s, 10 log's ttl s,
--      11 oldest entries to drop, 12 newest ones to replace, 13 dead letter or '', 14 hint channel, 15 dead letters
--      kept, then pairs of entry and cost, then those of seats
--@ seats
local FIRST = 16
local l = redis.call('HMGET', KEYS[1], 'token', 'fence', 'last', 'stop')
if l[3] == ARGV[3] then return {'again'} end
if not l[1] or l[2] ~= ARGV[2] or redis.call('LINDEX', KEYS[2], 0) ~= ARGV[3] then return {'lost'} end
if l[4] == ARGV[3] and ARGV[5] ~= 'stopped' then return {'stop'} end
for _ = 1, tonumber(ARGV[12]) do
  redis.call('RPOP', KEYS[7])
  redis.call('RPOP', KEYS[8])
end
if #ARGV - 3 >= FIRST then
  local drop = tonumber(ARGV[11])
  if drop > 0 then
    redis.call('LTRIM', KEYS[7], drop, -1)
    redis.call('LTRIM', KEYS[8], drop, -1)
  end
  for i = FIRST, #ARGV - 3, 2 do
    redis.call('RPUSH', KEYS[7], ARGV[i])
    redis.call('RPUSH', KEYS[8], ARGV[i + 1])
  end
  redis.call('EXPIRE', KEYS[7], ARGV[10])
  redis.call('EXPIRE', KEYS[8], ARGV[10])
end
-- The final text is part of the reply; the texts that grew are spent.
redis.call('UNLINK', KEYS[5], KEYS[6])
redis.call('HSET', KEYS[4], 'fence', ARGV[2], 'text', ARGV[4], 'phase', ARGV[5], 'alias', ARGV[6], 'notes', ARGV[7],
  'usage', ARGV[8])
redis.call('EXPIRE', KEYS[4], ARGV[9])
if ARGV[13] ~= '' then
  redis.call('RPUSH', KEYS[9], ARGV[13])
  redis.call('LTRIM', KEYS[9], -ARGV[15], -1)
end
redis.call('LPOP', KEYS[2])
redis.call('HSET', KEYS[1], 'last', ARGV[3])
redis.call('HDEL', KEYS[1], 'token', 'expiry', 'head', 'attempts', 'stop')
local woken = leave(ARGV[1], ARGV[3])
redis.call('PUBLISH', ARGV[14], ARGV[3] .. ' whole')
return {'done', unpack(woken)}
