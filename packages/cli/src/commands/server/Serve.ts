/**
 * `serve`: the MCP server on stdin and stdout, the same as `lms-bridge-mcp`, or over HTTP.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { table } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as ServedPage from "./ServedPage.ts"

const loopback = "127.0.0.1"

export const command = Command.make("serve", {
  http: Options.boolean("http").pipe(
    Options.withDescription("Serve clients over Streamable HTTP instead of stdin and stdout.")
  ),
  port: SharedOptions.setting("port", "N", table.port, "The port for --http, any free one by default."),
  host: Options.text("host").pipe(
    Options.withDescription(
      `The address for --http, ${loopback} by default; one that is not loopback needs a token in ${table.httpToken.variable}.`
    ),
    Options.withPseudoName("ADDRESS"),
    Options.withDefault(loopback)
  )
}).pipe(
  Command.withDescription("Run the MCP server on stdin and stdout, like lms-bridge-mcp, or over HTTP."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ host, http, port }) {
      if (!http) return yield* onStdio
      return yield* overHttp(
        host,
        Option.getOrElse(port, () => 0)
      )
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// loaded on first use: other commands do without it
const onStdio = Effect.gen(function* () {
  const screen = yield* Screen
  if (screen.stdinIsTerminal) {
    yield* screen.err(
      "Waiting for an MCP client on stdin. Clients start this themselves: `lms-bridge install CLIENT` enters it; --http serves over a port. Ctrl-C ends it."
    )
  }
  const { serveStdio } = yield* Effect.promise(() => import("@lms-bridge/mcp-server/serveStdio"))
  return yield* serveStdio
})

const overHttp = Effect.fnUntraced(function* (host: string, port: number) {
  const screen = yield* Screen
  return yield* ServedPage.serve({
    host,
    port,
    listening: (url) => screen.err(`Listening at ${url}`),
    link: (url) => screen.err(`The page, by a link that works once: ${url}`)
  })
})
