-- SPDX-License-Identifier: Apache-2.0
-- wrk: lists whole folders page after page, by the cursor.  One connection a thread.  Arguments: token, limit, folders.
-- Prints the number of entries that came.
local threads, thread = {}, 0
entries, failed = 0, 0
local cursor, folder = nil, 0
function setup(t) t:set("number", thread); thread = thread + 1; table.insert(threads, t) end
function init(args)
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  limit, folders = args[2], tonumber(args[3])
  folder = number * 7
end
function request()
  local path = string.format("/api/v1/files/dir-000000/dir-%06d?list&limit=%s", folder % folders, limit)
  return wrk.format("GET", cursor and path .. "&cursor=" .. cursor or path)
end
function response(status, headers, body)
  if status ~= 200 then failed = failed + 1; return end
  local tail = body:sub(-400)
  cursor = tail:match('"next_cursor":"([^"]*)"')
  local total = tonumber(tail:match('"total":(%d+)'))
  if cursor then entries = entries + tonumber(limit) else entries = entries + (total - 1) % tonumber(limit) + 1; folder = folder + 1 end
end
function done(summary)
  local all, bad = 0, 0
  for _, t in ipairs(threads) do all = all + t:get("entries"); bad = bad + t:get("failed") end
  print(string.format("ENTRIES %d FAILED %d SECONDS %.3f", all, bad, summary.duration / 1e6))
end
