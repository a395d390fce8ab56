// Resident memory of a server that has listed its tools and then waits.
import { interleaved, residentMiB, sleep, toInitialized } from "./measure.mjs"
import { prepareServers } from "./servers.mjs"

export const title = "memory of an idle lms-bridge-mcp"

const idleMillis = 3000

export const run = async () => {
  if (process.platform !== "linux") return []
  const result = await interleaved(await prepareServers(), 3, async (server) => {
    const { used } = await toInitialized(server, async ({ pid, lines, send }) => {
      const listed = new Promise((resolve) => lines.once("line", resolve))
      send({ method: "notifications/initialized" })
      send({ id: 2, method: "tools/list" })
      await listed
      await sleep(idleMillis)
      return residentMiB(pid)
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
