/**
 * `serve`: the MCP server on stdin and stdout, the same as `lms-bridge-mcp`.
 */
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"

export const command = Command.make("serve", {}, () =>
  // loaded only when it is wanted: it is no part of the other commands
  Effect.flatMap(
    Effect.promise(() => import("@lms-bridge/mcp-server/serveStdio")),
    ({ serveStdio }) => serveStdio
  )
).pipe(Command.withDescription("Be an MCP server on stdin and stdout, the same as lms-bridge-mcp."))
