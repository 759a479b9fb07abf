-- Ends a rebuild: the view holds every improvement up to the one that was the
-- last before the table was read, and those that were applied meanwhile.
--
-- KEYS  players, ahead
-- ARGV  token, last
local held = redis.call('HMGET', KEYS[1], ':state', ':accepted')
if held[1] ~= 'building:' .. ARGV[1] then
  return redis.error_reply('FENCED another rebuild has begun, or the view was emptied')
end
local reached = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', reached)
local more = true
while more do
  more = false
  for _, sequence in ipairs(redis.call('ZRANGE', KEYS[2], 0, 999)) do
    if tonumber(sequence) ~= reached + 1 then break end
    reached = reached + 1
    more = true
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', reached)
end
local accepted = math.max(tonumber(held[2] or '0'), reached)
redis.call('HSET', KEYS[1], ':state', 'complete', ':through', string.format('%.0f', reached), ':accepted', string.format('%.0f', accepted),
  ':gap', redis.call('EXISTS', KEYS[2]) == 1 and '1' or '0')
return string.format('%.0f', reached)
