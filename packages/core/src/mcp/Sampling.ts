/** The model that answers a server's requests in the middle of a call (MCP's sampling), where that is allowed. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ChatMessage, ChatReply } from "../lmstudio/Chat.ts"

export interface SamplingRequest {
  readonly server: string
  readonly messages: ReadonlyArray<ChatMessage>
  /** The number the server requests; a shorter reply is allowed. */
  readonly maxTokens: number
  readonly temperature: number | undefined
  readonly stop: ReadonlyArray<string> | undefined
}

/** The model did not answer the server; `detail` is for the server. */
export class SamplingRefused extends Schema.TaggedError<SamplingRefused>()("SamplingRefused", {
  server: Schema.String,
  /** True if the user or the policy refused; false if it failed. */
  refused: Schema.Boolean,
  detail: Schema.String
}) {
  readonly retryable = false
  override get message() {
    return `The request of MCP server "${this.server}" was not sent to the model: ${this.detail}`
  }
}

export interface SamplingHandler {
  readonly sample: (
    request: SamplingRequest
  ) => Effect.Effect<Pick<ChatReply, "content" | "model" | "finishReason">, SamplingRefused>
}

/**
 * None where there is no model or servers may not use it: then they are told that there is no sampling. A run provides
 * it around the use of its servers.
 */
export class CurrentSampling extends Context.Reference<CurrentSampling>()("@lms-bridge/core/mcp/CurrentSampling", {
  defaultValue: (): Option.Option<SamplingHandler> => Option.none()
}) {}
