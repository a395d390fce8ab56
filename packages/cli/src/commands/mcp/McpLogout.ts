/**
 * `mcp logout`: forgets the login to an MCP server.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import { Screen } from "../../terminal/Screen.ts"

export const command = Command.make("logout", {
  name: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("A server that you logged in to, even if it is no longer in your mcp.json.")
  )
}).pipe(
  Command.withDescription("Forget the login to a remote MCP server, and revoke it at the login service."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ name }) {
      const screen = yield* Screen
      const registry = yield* McpRegistry
      const wasThere = yield* registry.logout(name)
      yield* screen.out(wasThere ? `Logged out of ${name}.` : `There was no login to ${name}.`)
    })
  )
)
