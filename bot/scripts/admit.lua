#!lua
-- ADMIT: a turn is stored, queued, owed and marked as seen in one step, or nothing of it is.
-- Safe to repeat: a mark that is already there names the turn that was admitted, and nothing is written; if it is this
-- very turn, its first admission was the one whose reply was lost, and it is new still.
-- KEYS 1 inbox, 2 turn, 3 due, 4 owed, 5 fetching, 6 outbox, 7 epoch, 8 secret, then the marks, then the at: keys
-- ARGV 1 conversation, 2 turn id, 3 record, 4 kind, 5 inbox cap, 6 fetch ms (0: nothing to fetch),
--      7 marks' ttl s, 8 at: ttl s, 9 number of marks, 10 secret, 11 secret's ttl s, 12 place, 13 epoch's ttl s,
--      14 'renews' where a new epoch begins with this turn, else '', 15 hint channel
local marks = tonumber(ARGV[9])
for i = 9, 8 + marks do
  local seen = redis.call('GET', KEYS[i])
  if seen then return {seen == ARGV[2] and 'new' or 'again', seen} end
end
local ask = ARGV[4] == 'ask'
if ask and redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[5]) then return {'full', ''} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[14] == 'renews' then redis.call('HSET', KEYS[7], 'epoch', ARGV[2]) end
local epoch = redis.call('HGET', KEYS[7], 'epoch') or '0'
redis.call('EXPIRE', KEYS[7], ARGV[13]) -- it outlives the log that is written under it
redis.call('HSET', KEYS[2], 'record', ARGV[3], 'conversation', ARGV[1], 'kind', ARGV[4],
  'epoch', epoch, 'admitted', now, 'place', ARGV[12])
redis.call('ZADD', KEYS[4], now, ARGV[2])
if ask then
  redis.call('RPUSH', KEYS[1], ARGV[2])
  redis.call('RPUSH', KEYS[6], ARGV[2])
  local look = now
  local fetch = tonumber(ARGV[6])
  if fetch > 0 then
    look = now + fetch
    redis.call('ZADD', KEYS[5], look, ARGV[2])
  end
  redis.call('ZADD', KEYS[3], 'NX', look, ARGV[1])
end
for i = 9, 8 + marks do redis.call('SET', KEYS[i], ARGV[2], 'EX', ARGV[7]) end
for i = 9 + marks, #KEYS do redis.call('SET', KEYS[i], ARGV[1], 'EX', ARGV[8]) end
if ARGV[10] ~= '' then redis.call('SET', KEYS[8], ARGV[10], 'EX', ARGV[11]) end
if ARGV[4] == 'notice' then redis.call('PUBLISH', ARGV[15], ARGV[2]) end -- its words are there: nobody is waited for
return {'new', ARGV[2]}
