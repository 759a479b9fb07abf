-- Applies improvements to the view. A player's weight only grows, so applying
-- one twice, late or out of order changes nothing: the highest stays.
--
-- KEYS  rank, names, view, ahead
-- ARGV  fence, accepted, then for each improvement: weight, sequence, player, name
--
-- With a fence (a rebuild's token) nothing is done unless that rebuild is the
-- one under way. Returns the number of players that moved, and through.
local rank, names, view, ahead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local fence = ARGV[1]

local held = redis.call('HMGET', view, 'state', 'through', 'accepted')
local state = held[1] or ''
local through = tonumber(held[2] or '0')
if fence ~= '' and state ~= 'building:' .. fence then
  return redis.error_reply('FENCED another rebuild has begun, or the view was emptied')
end

-- The highest of each player in this batch, against what is held. Weights are
-- kept as the strings they came in: Lua would print large numbers rounded.
local players, best = {}, {}
for i = 3, #ARGV, 4 do
  local player, weight = ARGV[i + 2], tonumber(ARGV[i])
  if not best[player] then
    players[#players + 1] = player
    best[player] = {weight = weight, at = i}
  elseif weight > best[player].weight then
    best[player] = {weight = weight, at = i}
  end
end
local weights, texts = {}, {}
if #players > 0 then
  local before = redis.call('ZMSCORE', rank, unpack(players))
  for i, player in ipairs(players) do
    local at = best[player].at
    if not before[i] or best[player].weight > tonumber(before[i]) then
      weights[#weights + 1] = ARGV[at]
      weights[#weights + 1] = player
      texts[#texts + 1] = player
      texts[#texts + 1] = ARGV[at + 3]
    end
  end
end
if #weights > 0 then
  redis.call('ZADD', rank, unpack(weights))
  redis.call('HSET', names, unpack(texts))
end

-- Numbers have no gaps, so through moves to the last one without a missing one
-- before it. Before the first rebuild there is nothing to count from.
if state == '' or fence ~= '' then
  return {#weights / 2, tostring(through)}
end
local fresh = {}
for i = 3, #ARGV, 4 do
  local sequence = tonumber(ARGV[i + 1])
  if sequence > through then fresh[sequence] = true end
end
local reached = through
while fresh[reached + 1] do
  reached = reached + 1
  fresh[reached] = nil
end
local early = {}
for sequence in pairs(fresh) do
  early[#early + 1] = sequence
  early[#early + 1] = tostring(sequence)
end
if #early > 0 then redis.call('ZADD', ahead, unpack(early)) end
local from
repeat
  from = reached
  for _, sequence in ipairs(reached > through and redis.call('ZRANGE', ahead, 0, 999) or {}) do
    if tonumber(sequence) == reached + 1 then reached = reached + 1 end
    if tonumber(sequence) > reached then break end
  end
  if reached > from then redis.call('ZREMRANGEBYSCORE', ahead, '-inf', reached) end
until reached == from
local accepted = math.max(tonumber(held[3] or '0'), tonumber(ARGV[2]), reached)
redis.call('HSET', view, 'through', string.format('%.0f', reached), 'accepted', string.format('%.0f', accepted))
return {#weights / 2, string.format('%.0f', reached)}
