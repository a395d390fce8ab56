/**
 * A handle for one connected MCP server, which keeps the SDK's client out of the rest of core. When its scope closes,
 * the transport is closed and any process under it ends.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { McpCallFailed, McpReadFailed, McpServerUnavailable } from "./McpError.ts"
import type { McpPrompt, PromptResult } from "./McpPrompt.ts"
import type { McpResource, McpResourceTemplate, ResourceContent } from "./McpResource.ts"
import type { ToolReview } from "./lock/ToolLock.ts"
import type { ToolResult } from "./ToolResult.ts"
import type { McpTool } from "./McpTool.ts"

/** `progress` and `total` in the server's own unit. */
export interface CallProgress {
  readonly progress: number
  readonly total: number | undefined
  readonly message: string | undefined
}

export interface CallOptions {
  /** Longest silence; progress reported by the server restarts it. */
  readonly timeout?: Duration.DurationInput | undefined
  readonly onProgress?: ((progress: CallProgress) => Effect.Effect<void>) | undefined
}

export interface McpConnection {
  readonly server: string
  /** The name that the server gave in `initialize`. */
  readonly implementation: { readonly name: string; readonly version: string }
  readonly instructions: string | undefined
  /**
   * `tools/list` with all pages, cached until the server says that its list changed. Without the tools that the lock
   * withholds.
   */
  readonly tools: Effect.Effect<ReadonlyArray<McpTool>, McpServerUnavailable>
  /** All tools, including those that are withheld because they are not what the user trusted. */
  readonly review: Effect.Effect<ToolReview, McpServerUnavailable>
  /** Changes whenever `tools` may have changed: the server said so, or was reconnected. Sends no request. */
  readonly toolsEdition: Effect.Effect<string>
  /** `tools/call`. Interrupting it sends `notifications/cancelled`. */
  readonly call: (
    tool: string,
    args: Readonly<Record<string, unknown>>,
    options?: CallOptions
  ) => Effect.Effect<ToolResult, McpCallFailed | McpServerUnavailable>
  /** `resources/list`, cached like `tools`; empty for a server that has none. */
  readonly resources: Effect.Effect<ReadonlyArray<McpResource>, McpServerUnavailable>
  /** `resources/templates/list`, cached in the same way. */
  readonly resourceTemplates: Effect.Effect<ReadonlyArray<McpResourceTemplate>, McpServerUnavailable>
  /** `resources/read`: one resource may come in several parts. */
  readonly readResource: (
    uri: string,
    options?: CallOptions
  ) => Effect.Effect<ReadonlyArray<ResourceContent>, McpReadFailed | McpServerUnavailable>
  /** `prompts/list`, cached like `resources`. */
  readonly prompts: Effect.Effect<ReadonlyArray<McpPrompt>, McpServerUnavailable>
  /** `prompts/get`. */
  readonly getPrompt: (
    name: string,
    args: Readonly<Record<string, string>>,
    options?: CallOptions
  ) => Effect.Effect<PromptResult, McpReadFailed | McpServerUnavailable>
  /** The end of the server's stderr, limited in length; "" for remote servers. */
  readonly stderrTail: Effect.Effect<string>
}

/** A connection that is held until the caller's scope closes. */
export interface HeldConnection extends McpConnection {
  /** False once its entry in the configuration has changed or gone: then ask `McpRegistry` for a new connection. */
  readonly isCurrent: Effect.Effect<boolean>
}

/** One connection while it lasts, as the pool sees it. */
export interface Session extends Omit<McpConnection, "review"> {
  /** False as soon as the server has gone. */
  readonly isOpen: Effect.Effect<boolean>
  readonly closed: Effect.Effect<void>
  /** Tells the server that its folders have changed; it may ask for them. */
  readonly rootsChanged: Effect.Effect<void>
}
