/**
 * Which tools the locks of servers withhold, said the same way wherever servers have just listed their tools.
 */
import { McpRegistry, type ServerSummary } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Words from "./Words.ts"

/** What is known of a server since it listed its tools to this process; none when its entry cannot be found. */
export const of = (server: string) =>
  Effect.flatMap(McpRegistry, (registry) => registry.servers).pipe(
    Effect.map((servers) => servers.find(({ name }) => name === server)?.lock)
  )

/** A clause, or undefined when nothing is withheld. */
export const clause = ({ problem, withheld }: NonNullable<ServerSummary["lock"]>): string | undefined =>
  withheld.length === 0
    ? undefined
    : `${Words.count(withheld.length, "tool")} withheld: ${withheld.join(", ")}${problem === undefined ? "" : `. ${problem}`}`

export const next = (server: string): string => `\`lms-bridge mcp trust ${server}\` shows the change and accepts it.`
