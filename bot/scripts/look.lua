#!lua flags=allow-oom
-- LOOK: a reply as it stands, with both of the texts that grow, of the same moment.
-- KEYS 1 reply, 2 and 3 the texts
return {redis.call('HGETALL', KEYS[1]), redis.call('GET', KEYS[2]) or '', redis.call('GET', KEYS[3]) or ''}
