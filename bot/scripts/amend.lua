#!lua flags=allow-oom
-- AMEND: a question was edited or deleted, or its answer is to stop. What its author made of the question is noted in
-- any case: whoever asks it again asks that. Waiting: its words are replaced, or it leaves the inbox and its reply is
-- final, which the delivery sees to as to any other; what a holder that died left of a stopped answer stays. Being
-- answered: an edit is ignored, the rest sets the stop flag. Later: the caller mends the log. Never starts a question.
-- KEYS 1 turn, 2 inbox, 3 lease, 4 fetching, 5 due, 6 reply, 7 and 8 the reply's texts
-- ARGV 1 turn id, 2 conversation, 3 'edit', 'delete' or 'stop', 4 new words or who stops it, 5 reply's ttl s,
--      6 stop channel, 7 hint channel, 8 notes of an answer that stops in the middle, 9 before its first word,
--      then those of seats
--@ seats
local how = ARGV[3]
if redis.call('EXISTS', KEYS[1]) == 1 then
  if how == 'edit' then redis.call('HSET', KEYS[1], 'words', ARGV[4]) end
  if how == 'delete' then redis.call('HSET', KEYS[1], 'gone', '1') end
end
local place = redis.call('LPOS', KEYS[2], ARGV[1])
if not place then return {'later'} end
local l = redis.call('HMGET', KEYS[3], 'token', 'expiry', 'head')
if l[1] and l[3] == ARGV[1] and tonumber(l[2]) > now then
  if how == 'edit' then return {'answering'} end
  redis.call('HSET', KEYS[3], 'stop', ARGV[1])
  if how == 'stop' then redis.call('HSETNX', KEYS[1], 'stopped_by', ARGV[4]) end
  redis.call('PUBLISH', ARGV[6], ARGV[2] .. ' ' .. ARGV[1])
  return {'stopping'}
end
if how == 'edit' then return {'replaced'} end
-- A holder whose lease has ended may wake up all the same: its fence is spent.
if l[3] == ARGV[1] then redis.call('HDEL', KEYS[3], 'token', 'expiry', 'head', 'attempts', 'stop') end
local text = ''
if how == 'stop' then
  for i = 7, 8 do
    local grown = redis.call('GET', KEYS[i]) or ''
    if #grown > #text then text = grown end
  end
  redis.call('HSET', KEYS[3], 'last', ARGV[1])
  redis.call('EXPIRE', KEYS[3], ARGV[5])
end
redis.call('LREM', KEYS[2], 1, ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('UNLINK', KEYS[7], KEYS[8])
redis.call('HSET', KEYS[6], 'phase', 'stopped', 'text', text, 'notes', text == '' and ARGV[9] or ARGV[8])
redis.call('EXPIRE', KEYS[6], ARGV[5])
local woken = place == 0 and leave(ARGV[2], ARGV[1]) or {}
redis.call('PUBLISH', ARGV[7], ARGV[1] .. ' whole')
return {'cancelled', unpack(woken)}
