// Resident memory of a server that has listed its tools and is idle.
import { interleaved, listTools, residentMiB, sleep, toInitialized } from "./measure.mjs"
import { prepareServers } from "./servers.mjs"

export const title = "memory of an idle lms-bridge-mcp"

const idleMillis = 4000

export const run = async () => {
  if (process.platform !== "linux") return []
  const result = await interleaved(await prepareServers(), 3, async (server) => {
    const { used } = await toInitialized(server, async (started) => {
      await listTools(started)
      await sleep(idleMillis)
      return residentMiB(started.pid)
    })
    return used
  })
  const what = "lms-bridge-mcp: resident when idle"
  return [
    {
      what,
      unit: "MiB",
      measured: result.ours,
      beside: "bare server, as installed",
      reference: result.bare,
      limit: 80
    },
    { what, unit: "MiB", measured: result.ours, beside: "bare server, bundled", reference: result.bundled }
  ]
}
