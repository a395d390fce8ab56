/**
 * `mcp login`: logs in to a remote MCP server in the user's browser.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import { table } from "@lms-bridge/core/Settings"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Words from "../../views/Words.ts"

/** Time for a person to find their password and second factor. */
const patience = Duration.minutes(5)

export const command = Command.make("login", {
  name: Args.text({ name: "NAME" }).pipe(Args.withDescription("A remote server in your mcp.json.")),
  noBrowser: Options.boolean("no-browser").pipe(
    Options.withDescription(
      "Print the address of the login page, and open no browser. The browser must run on this machine."
    )
  ),
  timeout: SharedOptions.setting(
    "timeout",
    "DURATION",
    table.mcpStartTimeout,
    `How long to wait for you, ${Duration.format(patience)} by default.`
  )
}).pipe(
  Command.withDescription("Log in to a remote MCP server in your browser."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ name, noBrowser, timeout }) {
      const screen = yield* Screen
      const registry = yield* McpRegistry
      // loaded on first use: other commands do without it
      const { open } = yield* Effect.promise(() => import("../../terminal/LoopbackCallback.ts"))
      const show = yield* showing(name, !noBrowser)
      yield* screen.status(`asking ${Words.oneLine(name)} where to log in`)
      yield* registry
        .login(name, {
          openCallback: (port) => open(port, show),
          timeout: Option.getOrElse(timeout, () => patience)
        })
        .pipe(Effect.ensuring(screen.status("")))
      const tools = yield* registry.tools(name)
      yield* screen.out(`Logged in to ${name}: ${Words.count(tools.length, "tool")}.`)
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const showing = Effect.fnUntraced(function* (name: string, inBrowser: boolean) {
  const screen = yield* Screen
  const executor = yield* CommandExecutor.CommandExecutor
  return Effect.fnUntraced(function* (page: string) {
    const { open } = yield* Effect.promise(() => import("../../terminal/Browser.ts"))
    const opened = inBrowser && (yield* Effect.provideService(open(page), CommandExecutor.CommandExecutor, executor))
    yield* screen.err(
      opened
        ? `Log in to ${Words.oneLine(name)} in the browser. If it did not open, open this page:`
        : `Open this page in a browser on this machine to log in to ${Words.oneLine(name)}:`
    )
    yield* screen.err(page)
    yield* screen.status("waiting for you to log in")
  })
})
