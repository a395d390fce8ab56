/**
 * Lists what all of the user's MCP servers offer.
 */
import { leftOut, McpRegistry, startable } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Screen } from "../terminal/Screen.ts"
import * as Words from "../views/Words.ts"

/** How many servers are started at the same time. */
export const atOnce = 4

/** The list of each usable server, in order. A server that does not start is reported and left out. */
export const listed = Effect.fnUntraced(function* <A, E extends { readonly message: string }, R>(
  listOf: (server: string) => Effect.Effect<A, E, R>
) {
  const registry = yield* McpRegistry
  const screen = yield* Screen
  const servers = yield* registry.servers
  const usable = startable(servers)
  const found = yield* Effect.forEach(usable, ({ name }) => Effect.either(listOf(name)), { concurrency: atOnce })
  for (const why of servers.flatMap((server) => leftOut(server) ?? [])) {
    yield* screen.err(`lms-bridge: ${Words.oneLine(why)}`)
  }
  for (const result of found) {
    if (Either.isLeft(result)) yield* screen.err(`lms-bridge: ${Words.oneLine(result.left.message)}`)
  }
  return found.flatMap((result) => (Either.isRight(result) ? [result.right] : []))
})
