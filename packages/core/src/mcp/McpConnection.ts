/**
 * A handle over one connected MCP server that keeps the SDK's client out of the rest of core. Closing the scope it was
 * made in tears down the transport and ends any process beneath it.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { McpCallFailed, McpReadFailed, McpServerUnavailable } from "./McpError.ts"
import type { McpPrompt, PromptResult } from "./McpPrompt.ts"
import type { McpResource, McpResourceTemplate, ResourceContent } from "./McpResource.ts"
import type { ToolReview } from "./lock/ToolLockFiles.ts"
import type { ToolResult } from "./ToolResult.ts"
import type { McpTool } from "./McpTool.ts"

/** `progress` and `total` in the server's own unit. */
export interface CallProgress {
  readonly progress: number
  readonly total: number | undefined
  readonly message: string | undefined
}

export interface CallOptions {
  /** Longest silence; progress of the server starts it anew. */
  readonly timeout?: Duration.DurationInput | undefined
  readonly onProgress?: ((progress: CallProgress) => Effect.Effect<void>) | undefined
}

export interface McpConnection {
  readonly server: string
  /** As the server named itself in `initialize`. */
  readonly implementation: { readonly name: string; readonly version: string }
  readonly instructions: string | undefined
  /** `tools/list`, paged to its end; kept until the server says that its list changed. Without what the lock withholds. */
  readonly tools: Effect.Effect<ReadonlyArray<McpTool>, McpServerUnavailable>
  /** All of them, and which are withheld because they are not what the user trusted. */
  readonly review: Effect.Effect<ToolReview, McpServerUnavailable>
  /** Another text whenever `tools` may be other ones: the server said so, or was connected anew. Asks nobody. */
  readonly toolsEdition: Effect.Effect<string>
  /** `tools/call`. Interrupting it sends `notifications/cancelled`. */
  readonly call: (
    tool: string,
    args: Readonly<Record<string, unknown>>,
    options?: CallOptions
  ) => Effect.Effect<ToolResult, McpCallFailed | McpServerUnavailable>
  /** `resources/list`, as `tools`; empty for a server that has none. */
  readonly resources: Effect.Effect<ReadonlyArray<McpResource>, McpServerUnavailable>
  /** `resources/templates/list`, the same way. */
  readonly resourceTemplates: Effect.Effect<ReadonlyArray<McpResourceTemplate>, McpServerUnavailable>
  /** `resources/read`: one resource may come in several parts. */
  readonly readResource: (
    uri: string,
    options?: CallOptions
  ) => Effect.Effect<ReadonlyArray<ResourceContent>, McpReadFailed | McpServerUnavailable>
  /** `prompts/list`, as `resources`. */
  readonly prompts: Effect.Effect<ReadonlyArray<McpPrompt>, McpServerUnavailable>
  /** `prompts/get`. */
  readonly getPrompt: (
    name: string,
    args: Readonly<Record<string, string>>,
    options?: CallOptions
  ) => Effect.Effect<PromptResult, McpReadFailed | McpServerUnavailable>
  /** The bounded end of what the server printed on stderr; "" for remote servers. */
  readonly stderrTail: Effect.Effect<string>
}

/** One that is held until the caller's scope closes. */
export interface HeldConnection extends McpConnection {
  /** False once its entry in the configuration has changed or gone: then `McpRegistry` knows what is to be used instead. */
  readonly isCurrent: Effect.Effect<boolean>
}

/** One connection while it lasts, as its pool has it. */
export interface Session extends Omit<McpConnection, "review"> {
  /** False as soon as the other side has gone. */
  readonly isOpen: Effect.Effect<boolean>
  readonly closed: Effect.Effect<void>
  /** Tells the server that its folders are others now; it may ask for them. */
  readonly rootsChanged: Effect.Effect<void>
}
