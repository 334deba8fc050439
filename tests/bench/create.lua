-- SPDX-License-Identifier: Apache-2.0
-- wrk: durable creates over REST, every name once.  Arguments: token, a word unique to this run, number of folders.
local count, thread, folders, run = 0, 0 -- number: set by setup
function setup(t) t:set("number", thread); thread = thread + 1 end
function init(args)
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  wrk.headers["Content-Length"] = "0"
  run, folders = args[2], tonumber(args[3])
end
function request()
  count = count + 1
  return wrk.format("PUT", string.format("/api/v1/files/create/%d/%s-%d-%d?content&write_type=MUST_CACHE", count % folders, run, number, count))
end
