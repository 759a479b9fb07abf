-- Applies improvements to the view. A player's weight only grows, so applying
-- one twice, late or out of order changes nothing: the highest stays.
--
-- KEYS  rank, players, ahead
-- ARGV  fence, accepted, then for each improvement: weight, sequence, player, name
--
-- With a fence (a rebuild's token) nothing is done unless that rebuild is the
-- one under way. Returns the number of players that moved, and through.
local rank, board, ahead = KEYS[1], KEYS[2], KEYS[3]
local fence = ARGV[1]

local held = redis.call('HMGET', board, ':state', ':through', ':accepted', ':gap')
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
local weights, fields = {}, {}
if #players > 0 then
  local before = redis.call('ZMSCORE', rank, unpack(players))
  for i, player in ipairs(players) do
    local at = best[player].at
    if not before[i] or best[player].weight > tonumber(before[i]) then
      weights[#weights + 1] = ARGV[at]
      weights[#weights + 1] = player
      fields[#fields + 1] = player
      fields[#fields + 1] = ARGV[at + 3]
    end
  end
end
if #weights > 0 then redis.call('ZADD', rank, unpack(weights)) end

-- Numbers have no gaps, so through moves to the last one without a missing one
-- before it. Before the first rebuild there is nothing to count from.
local reached = through
if state ~= '' and fence == '' then
  local fresh, early = {}, {}
  for i = 3, #ARGV, 4 do
    local sequence = tonumber(ARGV[i + 1])
    if sequence > through then fresh[sequence] = true end
  end
  while fresh[reached + 1] do
    reached = reached + 1
    fresh[reached] = nil
  end
  for sequence in pairs(fresh) do
    early[#early + 1] = sequence
    early[#early + 1] = tostring(sequence)
  end
  if #early > 0 then redis.call('ZADD', ahead, unpack(early)) end
  local gap = held[4] == '1' or #early > 0
  while gap do
    local waiting = redis.call('ZRANGE', ahead, 0, 999)
    local from = reached
    for _, sequence in ipairs(waiting) do
      if tonumber(sequence) == reached + 1 then reached = reached + 1 end
      if tonumber(sequence) > reached then break end
    end
    redis.call('ZREMRANGEBYSCORE', ahead, '-inf', reached)
    gap = #waiting > 0
    if reached == from then break end
  end
  local accepted = math.max(tonumber(held[3] or '0'), tonumber(ARGV[2]), reached)
  local now = {
    [':through'] = string.format('%.0f', reached),
    [':accepted'] = string.format('%.0f', accepted),
    [':gap'] = gap and '1' or '0',
  }
  local was = {[':through'] = held[2], [':accepted'] = held[3], [':gap'] = held[4]}
  for field, value in pairs(now) do
    if was[field] ~= value then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
end
if #fields > 0 then redis.call('HSET', board, unpack(fields)) end
return {#weights / 2, string.format('%.0f', reached)}
