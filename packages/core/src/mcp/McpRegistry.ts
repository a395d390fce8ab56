/**
 * Which MCP servers the user has, and one pooled connection to each: opened when first needed, shared, closed when idle.
 * One server's failure is that server's.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { CallOptions, McpConnection, McpTool } from "./McpConnection.ts"
import type {
  McpCallFailed,
  McpConfigInvalid,
  McpEntryUnusable,
  McpServerNotFound,
  McpServerUnavailable
} from "./McpError.ts"
import type { ToolResult } from "./ToolResult.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * One entry as it may be shown: names of environment variables and headers, never their values.
 *
 * @since 0.1.0
 * @category models
 */
export const ServerSummary = Schema.Struct({
  name: Schema.String,
  transport: Schema.Literal("stdio", "http", "sse", "unknown"),
  /** Command and arguments, or the URL without its query. */
  target: Schema.String,
  envNames: Schema.Array(Schema.String),
  /** The file that the entry comes from. */
  source: Schema.String,
  state: Schema.Literal("usable", "disabled", "itself", "invalid"),
  /** Why it is not usable; absent when it is. */
  problem: optional(Schema.String),
  /** Whether a connection is open now. */
  connected: Schema.Boolean
})
/**
 * @since 0.1.0
 * @category models
 */
export type ServerSummary = typeof ServerSummary.Type

/**
 * A place where a configuration was looked for, in order.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConfigCandidate {
  readonly path: string
  readonly exists: boolean
  readonly used: boolean
}

/**
 * @since 0.1.0
 * @category errors
 */
export type McpConnectError = McpConfigInvalid | McpServerNotFound | McpEntryUnusable | McpServerUnavailable

/**
 * @since 0.1.0
 * @category services
 */
export class McpRegistry extends Context.Tag("@lms-bridge/core/mcp/McpRegistry")<
  McpRegistry,
  {
    /** Where configurations are looked for and which is used. */
    readonly candidates: Effect.Effect<ReadonlyArray<ConfigCandidate>>
    /** All entries, usable or not. Empty when there is no configuration at all. Starts nothing. */
    readonly servers: Effect.Effect<ReadonlyArray<ServerSummary>, McpConfigInvalid>
    /** The pooled connection to a server, held until the scope closes; opened if it is not. */
    readonly connect: (server: string) => Effect.Effect<McpConnection, McpConnectError, Scope.Scope>
    readonly tools: (server: string) => Effect.Effect<ReadonlyArray<McpTool>, McpConnectError>
    readonly call: (
      server: string,
      tool: string,
      args: Readonly<Record<string, unknown>>,
      options?: CallOptions
    ) => Effect.Effect<ToolResult, McpConnectError | McpCallFailed>
  }
>() {}
