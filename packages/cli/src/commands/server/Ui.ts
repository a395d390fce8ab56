/**
 * `ui`: serves the page on loopback and opens it in the browser, logged in.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { table } from "@lms-bridge/core/Settings"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Browser from "../../terminal/Browser.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as ServedPage from "./ServedPage.ts"

export const command = Command.make("ui", {
  port: SharedOptions.setting("port", "N", table.port, "The port, any free one by default."),
  noOpen: Options.boolean("no-open").pipe(Options.withDescription("Print the link, and open no browser."))
}).pipe(
  Command.withDescription("Open the page that shows models, runs and servers, in your browser."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ noOpen, port }) {
      const screen = yield* Screen
      const executor = yield* CommandExecutor.CommandExecutor
      let isFirst = true
      return yield* ServedPage.serve({
        host: "127.0.0.1",
        port: Option.getOrElse(port, () => 0),
        listening: (url) => screen.err(`Serving the page, and MCP at ${url}. Ctrl-C ends it.`),
        link: Effect.fnUntraced(function* (url) {
          const opened =
            isFirst && !noOpen
              ? yield* Effect.provideService(Browser.open(url), CommandExecutor.CommandExecutor, executor)
              : false
          yield* opened
            ? screen.err("It is open in your browser.")
            : screen.err(isFirst ? `Open this link; it works once: ${url}` : `For another browser: ${url}`)
          isFirst = false
        })
      })
    })
  )
)
