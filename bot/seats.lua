-- Seats: an answer takes a seat of its author and one of its workspace, so that neither takes everything. A conversation
-- with work is in `due`, where it has its seats, or in one line: that of the first seat that was not free. Never in both,
-- never in neither. Who leaves hands the seat to the first in line, in the same step.
-- A seat counts as long as its conversation is due, or waits with it for one of its workspace; so a holder that died
-- keeps its seat for whoever goes on, and `rightful` finds what an unknown hand left behind.
-- A person who is alone has any number: the cap is there for the others, who asked in the workspace a short while ago.
-- The last ARGV are: prefix, seats of a person, seats of a workspace (0: any number).
local PREFIX = ARGV[#ARGV - 2]
local DUE, LINES = PREFIX .. 'due', PREFIX .. 'lines'
local LOOK = 3000 -- ms between two looks at a line in which somebody waits
local MOST_RUNG = 1000
local PRESENT = 60000 -- ms for which who has asked counts as there
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function seats(name) return PREFIX .. 'seats:' .. name end
local function line(name) return PREFIX .. 'line:' .. name end
local function people(name) return PREFIX .. 'people:' .. name end
local function workspace(conversation) return string.match(conversation, '^[^:]+:[^:]+') end

-- Whose seats a turn needs, the narrower first. A direct message on Discord is of no workspace.
local function hosts(conversation, turn)
  local found, whole = {}, workspace(conversation)
  local person = redis.call('HGET', PREFIX .. 'turn:' .. turn, 'person')
  if person then table.insert(found, person) end
  if whole and string.sub(whole, -4) ~= ':@me' then table.insert(found, whole) end
  return found
end

local function present(person)
  local name = people(workspace(person))
  redis.call('ZADD', name, now, person)
  redis.call('ZREMRANGEBYSCORE', name, '-inf', now - PRESENT)
  redis.call('PEXPIRE', name, PRESENT)
end

local function alone(person)
  local name, since = people(workspace(person)), now - PRESENT
  local asked = tonumber(redis.call('ZSCORE', name, person) or 0)
  return redis.call('ZCOUNT', name, since, '+inf') == (asked >= since and 1 or 0)
end

local function free(name)
  local whole = workspace(name)
  local most = tonumber(ARGV[name == whole and #ARGV or #ARGV - 1])
  return most == 0 or redis.call('SCARD', seats(name)) < most or (name ~= whole and alone(name))
end

-- The conversation becomes due, at this moment, if it has or gets its seats; else it stands in line, where it stood.
local function seat(conversation, at)
  local head = redis.call('LINDEX', PREFIX .. 'inbox:' .. conversation, 0)
  if not head then
    redis.call('ZREM', DUE, conversation)
    return false
  end
  for _, name in ipairs(hosts(conversation, head)) do
    if redis.call('SISMEMBER', seats(name), conversation) == 0 then
      if not free(name) then
        local last = redis.call('ZREVRANGE', line(name), 0, 0, 'WITHSCORES')[2]
        redis.call('ZADD', line(name), 'NX', math.max(now, (tonumber(last) or 0) + 1), conversation)
        redis.call('ZADD', LINES, 'NX', now + LOOK, name)
        redis.call('ZREM', DUE, conversation)
        return false
      end
      redis.call('SADD', seats(name), conversation)
    end
    redis.call('ZREM', line(name), conversation)
  end
  redis.call('ZADD', DUE, at, conversation)
  return true
end

-- Free seats go to whoever stands first in line. Adds to `woken` who is due by that, as far as `unpack` bears it: the
-- others are found by the sweep.
local function hand_over(name, woken)
  while free(name) do
    local first = redis.call('ZPOPMIN', line(name))[1]
    if not first then
      redis.call('ZREM', LINES, name)
      return
    end
    if seat(first, now) and #woken < MOST_RUNG then table.insert(woken, first) end
  end
end

-- The conversation gives up what it had or waited for by this turn, and is due again, or in line, if there is more.
-- Answers who else is due by that.
local function leave(conversation, turn)
  local names, woken = hosts(conversation, turn), {}
  for _, name in ipairs(names) do
    redis.call('SREM', seats(name), conversation)
    redis.call('ZREM', line(name), conversation)
  end
  for i = #names, 1, -1 do hand_over(names[i], woken) end
  seat(conversation, now)
  return woken
end

-- Seats of conversations that have no right to them are free again.
local function rightful(name)
  for _, conversation in ipairs(redis.call('SMEMBERS', seats(name))) do
    local waits = redis.call('ZSCORE', line(workspace(conversation) or ''), conversation)
    if not waits and not redis.call('ZSCORE', DUE, conversation) then
      redis.call('SREM', seats(name), conversation)
    end
  end
end
