#!lua
-- ADMIT: a turn is stored, queued, owed and marked as seen in one step, or nothing of it is.
-- Safe to repeat: a mark that is already there names the turn that was admitted, and nothing is written; if it is this
-- very turn, its first admission was the one whose reply was lost, and it is new still.
-- Refused is a question of which too many wait, in its conversation or of its author: the first time in a while with
-- the outcome alone, then with the message that was refused first, since its author was told by that one.
-- KEYS 1 inbox, 2 turn, 3 due, 4 owed, 5 fetching, 6 outbox, 7 epoch, 8 secret, 9 the author's open questions,
--      10 and 11 who was refused first, in this conversation and anywhere, 12 lease, 13 the turn that is retried,
--      14 the list of bells, then the marks, then the at: keys
-- ARGV 1 conversation, 2 turn id, 3 record, 4 kind, 5 inbox cap, 6 fetch ms (0: nothing to fetch),
--      7 marks' ttl s, 8 at: ttl s, 9 number of marks, 10 secret, 11 secret's ttl s, 12 place, 13 epoch's ttl s,
--      14 'renews' where a new epoch begins with this turn, else '', 15 hint channel, 16 author, 17 message id,
--      18 open questions of one author (0: any number), 19 ttl s of a refusal, 20 the turn whose
--      answer this one's takes the place of, else '', 21 a bell, then those of seats
--@ seats
local FIRST = 15
local marks = tonumber(ARGV[9])
for i = FIRST, FIRST - 1 + marks do
  local seen = redis.call('GET', KEYS[i])
  if seen then return {seen == ARGV[2] and 'new' or 'again', seen} end
end
local ask = ARGV[4] == 'ask'
local function refused(outcome, key)
  local first = redis.call('SET', key, ARGV[17], 'NX', 'GET', 'EX', ARGV[19])
  redis.call('EXPIRE', key, ARGV[19])
  return {outcome, first ~= ARGV[17] and first or ''}
end
local function many()
  local most = tonumber(ARGV[18])
  if most == 0 or redis.call('SCARD', KEYS[9]) < most then return false end
  for _, turn in ipairs(redis.call('SMEMBERS', KEYS[9])) do -- only now it matters which of them are still open
    if not redis.call('ZSCORE', KEYS[4], turn) then redis.call('SREM', KEYS[9], turn) end
  end
  return redis.call('SCARD', KEYS[9]) >= most
end
if ARGV[20] ~= '' then -- the latest answer is given again: nothing was asked, begun anew or taken back since
  if redis.call('LLEN', KEYS[1]) > 0 then return {'waits', ''} end
  local was = redis.call('HMGET', KEYS[13], 'record', 'gone', 'epoch')
  if not was[1] or was[2] then return {'gone', ''} end
  local life = redis.call('HGET', KEYS[7], 'epoch') or '0'
  if was[3] ~= life then return {'renewed', ''} end
  if redis.call('HGET', KEYS[12], 'last') ~= ARGV[20] then return {'passed', ''} end
end
if ask and redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[5]) then return refused('full', KEYS[10]) end
if ask and many() then return refused('many', KEYS[11]) end
if ARGV[14] == 'renews' then redis.call('HSET', KEYS[7], 'epoch', ARGV[2]) end
local epoch = redis.call('HGET', KEYS[7], 'epoch') or '0'
redis.call('EXPIRE', KEYS[7], ARGV[13]) -- it outlives the log that is written under it
redis.call('HSET', KEYS[2], 'record', ARGV[3], 'conversation', ARGV[1], 'kind', ARGV[4],
  'epoch', epoch, 'admitted', now, 'place', ARGV[12], 'person', ARGV[16])
if ARGV[20] ~= '' then redis.call('HSET', KEYS[13], 'heir', ARGV[2]) end -- its question is this turn's business
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
  present(ARGV[16])
  if not redis.call('ZSCORE', KEYS[3], ARGV[1]) then
    local due = seat(ARGV[1], redis.call('LLEN', KEYS[1]) == 1 and look or now)
    if due and fetch == 0 then redis.call('LPUSH', KEYS[14], ARGV[21]) end
  end
  if tonumber(ARGV[18]) > 0 then -- else nobody would ever take one out of it
    redis.call('SADD', KEYS[9], ARGV[2])
    redis.call('EXPIRE', KEYS[9], ARGV[7])
  end
end
for i = FIRST, FIRST - 1 + marks do redis.call('SET', KEYS[i], ARGV[2], 'EX', ARGV[7]) end
for i = FIRST + marks, #KEYS do redis.call('SET', KEYS[i], ARGV[1], 'EX', ARGV[8]) end
if ARGV[10] ~= '' then redis.call('SET', KEYS[8], ARGV[10], 'EX', ARGV[11]) end
if ARGV[4] == 'notice' then redis.call('PUBLISH', ARGV[15], ARGV[2]) end -- its words are there: nobody is waited for
return {'new', ARGV[2]}
