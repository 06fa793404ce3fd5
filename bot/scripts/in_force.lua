#!lua flags=allow-oom
-- IN_FORCE: the settings of a place's scopes at one moment, and which moment that is.
-- KEYS the scopes
local found = {redis.call('TIME')}
for _, key in ipairs(KEYS) do table.insert(found, redis.call('HGETALL', key)) end
return found
