/**
 * `mcp trust`: shows how the tools of a locked server have changed, and accepts them.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Ended, ExitCode, UsageError } from "../../ExitCode.ts"
import * as Palette from "../../views/Palette.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as ToolDiff from "../../views/ToolDiff.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("trust", {
  name: Args.text({ name: "NAME" }).pipe(Args.withDescription("A locked server.")),
  yes: Options.boolean("yes").pipe(Options.withDescription("Accept without asking."))
}).pipe(
  Command.withDescription("Show how the tools of a locked MCP server have changed, and accept them."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ name, yes }) {
      const screen = yield* Screen
      const registry = yield* McpRegistry
      const review = yield* registry.review(name)
      if (review.problem !== undefined) return yield* review.problem
      if (!review.locked) {
        const problem = `MCP server "${name}" is not locked, so all its tools are offered. \`lms-bridge mcp lock ${name}\` locks it.`
        return yield* new UsageError({ problem })
      }
      if (review.withheld.length + review.removed.length === 0) {
        const all = Words.count(review.tools.length, "tool")
        return yield* screen.out(Words.oneLine(`${name}: ${all}, unchanged since they were trusted.`))
      }
      const palette = screen.stdoutIsTerminal ? Palette.of(screen) : Palette.plain
      yield* screen.out(yield* ToolDiff.render(review, palette))
      const trusted = yes || (yield* ask)
      if (!trusted) {
        yield* screen.err("Nothing was accepted.")
        return yield* new Ended({ code: ExitCode.failure })
      }
      yield* registry.trust(review)
      yield* screen.err(Words.oneLine(`${name} is trusted as it is now; recorded in ${review.lock}.`))
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ask = Effect.flatMap(Screen, ({ ask }) =>
  Option.match(ask, {
    onNone: () =>
      new UsageError({ problem: "Nobody can be asked here. Read the changes, and give --yes to accept them." }),
    onSome: (ask) => ask("Do you trust these tools as they are now? [y/N]")
  })
)
