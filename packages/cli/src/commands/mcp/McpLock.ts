/**
 * `mcp lock`: records the tools of MCP servers as they are now. Tools that differ later are withheld.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { McpRegistry, startable, type ToolReview } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as AllServers from "../../options/AllServers.ts"
import { Ended, ExitCode } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("lock", {
  names: Args.text({ name: "NAME" }).pipe(
    Args.withDescription("Servers in your mcp.json; all usable ones by default."),
    Args.repeated
  ),
  remove: Options.boolean("remove").pipe(Options.withDescription("Remove the servers from the lock."))
}).pipe(
  Command.withDescription("Record the current tools of MCP servers, and withhold new or changed ones later."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ names, remove }) {
      const screen = yield* Screen
      const registry = yield* McpRegistry
      const servers =
        names.length > 0 ? [...new Set(names)] : startable(yield* registry.servers).map(({ name }) => name)
      if (servers.length === 0) return yield* screen.err("There are no MCP servers to lock.")
      const reviews = yield* Effect.forEach(servers, (name) => Effect.either(registry.review(name)), {
        concurrency: AllServers.atOnce
      })
      let complete = true
      for (const review of reviews) {
        if (Either.isLeft(review)) {
          complete = false
          yield* screen.err(`lms-bridge: ${Words.oneLine(review.left.message)}`)
        } else {
          yield* screen.out(Words.oneLine(yield* remove ? unlocked(review.right) : locked(review.right)))
        }
      }
      if (!complete) return yield* new Ended({ code: ExitCode.mcpServer })
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Changes of a locked server are left to `mcp trust`, which shows them. */
const locked = Effect.fnUntraced(function* (review: ToolReview) {
  const { lock, server, tools, withheld } = review
  if (review.problem !== undefined) return yield* review.problem
  if (withheld.length > 0) {
    return `${server}: ${Words.count(withheld.length, "tool")} withheld; \`lms-bridge mcp trust ${server}\` shows the change and accepts it`
  }
  if (review.locked && review.removed.length === 0) {
    return `${server}: ${Words.count(tools.length, "tool")}, already locked in ${lock}`
  }
  yield* Effect.flatMap(McpRegistry, (registry) => registry.trust(review))
  return `${server}: ${Words.count(tools.length, "tool")} locked in ${lock}`
})

const unlocked = Effect.fnUntraced(function* (review: ToolReview) {
  if (!review.locked) return `${review.server}: was not locked`
  yield* Effect.flatMap(McpRegistry, (registry) => registry.unlock(review))
  return `${review.server}: no longer locked; all its tools are offered`
})
