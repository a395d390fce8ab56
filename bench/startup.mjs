// The time from spawn to the answer to `initialize`, for which every MCP client waits when it starts the server; not for
// the first start of a new build, which has no code cache yet.
import { interleaved, toInitialized } from "./measure.mjs"
import { prepareServers } from "./servers.mjs"

export const title = "start-up of lms-bridge-mcp"

export const run = async ({ rounds }) => {
  const result = await interleaved(
    await prepareServers(),
    rounds,
    async (server) => (await toInitialized(server)).millis
  )
  const what = "lms-bridge-mcp: spawn to answered initialize"
  return [
    { what, unit: "ms", measured: result.ours, beside: "bare server, as installed", reference: result.bare, atMost: 1 },
    { what, unit: "ms", measured: result.ours, beside: "bare server, bundled", reference: result.bundled }
  ]
}
