#!lua flags=allow-oom
-- CHANGE: a scope's setting, its entry in the audit and the memory of the request change together, or none of them.
-- Safe to repeat: a request that is remembered gets its first answer again. Where the scope or a wider one is locked,
-- set and reset are refused; a lock pins what is in force at the scope now. A setting for a time takes its key along.
-- KEYS 1 audit, 2 hash of its last entry, 3 memory of the request, then the settings from the scope to the widest
-- ARGV 1 set, reset, lock or unlock, 2 alias, 3 duration ms (0: for good), 4 default alias, 5 who, 6 their name,
--      7 where, 8 request, 9 ttl s of the memory
local FIRST = 4
local verb, here = ARGV[1], KEYS[FIRST]
local remembered = redis.call('GET', KEYS[3])
if remembered then return remembered end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local at = string.format('%.0f', now)

local function own(key)
  local s = redis.call('HMGET', key, 'alias', 'until')
  local ends = tonumber(s[2] or '') or 0
  return s[1] and (ends == 0 or ends > now) and s[1]
end

local function in_force()
  for i = #KEYS, FIRST, -1 do
    local pinned = redis.call('HGET', KEYS[i], 'lock')
    if pinned then return pinned, i end
  end
  for i = FIRST, #KEYS do
    local alias = own(KEYS[i])
    if alias then return alias end
  end
  return ARGV[4]
end

local before, locked = in_force()
local answer = {outcome = 'changed', before = before, at = at, ends = '0'}
local pinned = redis.call('HGET', here, 'lock')
if locked and (verb == 'set' or verb == 'reset') then
  answer.outcome = 'locked'
  answer.level = tostring(locked - FIRST)
  local l = redis.call('HMGET', KEYS[locked], 'lock_name', 'lock_at')
  answer.name, answer.since = l[1] or '', l[2] or '0'
elseif verb == 'set' then
  if ARGV[3] ~= '0' then answer.ends = string.format('%.0f', now + tonumber(ARGV[3])) end
  redis.call('HSET', here, 'alias', ARGV[2], 'by', ARGV[5], 'name', ARGV[6], 'at', at, 'until', answer.ends)
elseif verb == 'reset' then
  if not own(here) then answer.outcome = 'unchanged' end
  redis.call('HDEL', here, 'alias', 'by', 'name', 'at', 'until')
elseif verb == 'lock' and not pinned then
  redis.call('HSET', here, 'lock', before, 'lock_by', ARGV[5], 'lock_name', ARGV[6], 'lock_at', at)
elseif verb == 'unlock' and pinned then
  redis.call('HDEL', here, 'lock', 'lock_by', 'lock_name', 'lock_at')
else
  answer.outcome = 'unchanged'
end
answer.after = in_force()

-- A record in which nothing holds any more goes with the end of its setting; a lock, and what has no end, stays.
local left = redis.call('HMGET', here, 'lock', 'until')
local ends = tonumber(left[2] or '') or 0
if ends > 0 and not left[1] then
  redis.call('PEXPIREAT', here, string.format('%.0f', ends))
else
  redis.call('PERSIST', here)
end

if answer.outcome == 'changed' then
  local entry = {'at', at, 'who', ARGV[5], 'where', ARGV[7], 'what', verb, 'before', before,
    'after', answer.after, 'until', answer.ends, 'request', ARGV[8],
    'previous', redis.call('GET', KEYS[2]) or ''}
  local sealed = {}
  for i, text in ipairs(entry) do sealed[i] = #text .. ':' .. text end
  local hash = redis.sha1hex(table.concat(sealed))
  redis.call('XADD', KEYS[1], '*', 'hash', hash, unpack(entry))
  redis.call('SET', KEYS[2], hash)
end
local words = cjson.encode(answer)
redis.call('SET', KEYS[3], words, 'EX', ARGV[9])
return words
