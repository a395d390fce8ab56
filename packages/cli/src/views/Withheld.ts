/**
 * The words for tools that a server's lock withholds.
 */
import { McpRegistry, type ServerSummary } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Words from "./Words.ts"

/** The state of a server's lock since the server listed its tools; undefined if it has no entry or no lock. */
export const of = (server: string) =>
  Effect.flatMap(McpRegistry, (registry) => registry.servers).pipe(
    Effect.map((servers) => servers.find(({ name }) => name === server)?.lock)
  )

/** A clause; undefined if nothing is withheld. */
export const clause = ({ problem, withheld }: NonNullable<ServerSummary["lock"]>): string | undefined =>
  withheld.length === 0
    ? undefined
    : `${Words.count(withheld.length, "tool")} withheld: ${withheld.join(", ")}${problem === undefined ? "" : `. ${problem}`}`

export const next = (server: string): string => `\`lms-bridge mcp trust ${server}\` shows the change and accepts it.`
