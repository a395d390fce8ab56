/** Models in memory, and a lease on one. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import type { ChatEvent, ChatReply, ChatRequest } from "../lmstudio/Chat.ts"
import type { RequestLimits } from "../lmstudio/ApiRequests.ts"
import type { Uses } from "../resilience/FairTurns.ts"
import type { Ensured } from "./Ensured.ts"
import type { ModelLifecycleError } from "./ModelLifecycleError.ts"

/** A model in memory, whichever source reported it. */
export const LoadedModel = Schema.Struct({
  model: Schema.String,
  instanceId: Schema.String,
  /** The host that it is on, where there are several. */
  host: optional(Schema.String),
  type: Schema.String,
  owner: Schema.Literal("lms-bridge", "user"),
  contextLength: optional(Schema.NonNegativeInt),
  sizeBytes: optional(Schema.Number),
  /** `idle`, `processingPrompt`, `generating`, …; absent without `lms`. */
  status: optional(Schema.String),
  /** Null means for ever; absent means unknown. */
  ttlMillis: optional(Schema.NullOr(Schema.NonNegative)),
  expiresAt: optional(Schema.Number),
  /** How many runs of this process hold it. */
  leases: Schema.NonNegativeInt,
  /** Another process of this machine holds it. */
  heldElsewhere: optional(Schema.Literal(true))
})
export type LoadedModel = typeof LoadedModel.Type & {
  /** Requests of this process to the model: those under way, and those that wait for their turn. */
  readonly requests?: Uses
}

/** A lease on a loaded model: while it lasts, lms-bridge does not unload, evict or reap the instance. */
export interface ModelLease {
  /** The current instance; it changes when the model had to be loaded again. */
  readonly ensured: Effect.Effect<Ensured>
  /**
   * Sends a request to this model. If the model turns out to be unloaded or crashed before any output was delivered, it is
   * ensured again and the request is retried once.
   */
  readonly chat: (
    request: Omit<ChatRequest, "model">,
    limits?: RequestLimits
  ) => Effect.Effect<ChatReply, ModelLifecycleError>
  /** The same, passing each event of the reply to `onEvent`, whose failure ends the request. */
  readonly chatWith: <E>(
    request: Omit<ChatRequest, "model">,
    onEvent: (event: ChatEvent) => Effect.Effect<void, E>,
    limits?: RequestLimits
  ) => Effect.Effect<ChatReply, ModelLifecycleError | E>
  /** What was done with the model came to nothing, though it answered; where somebody compares models. */
  readonly spoiled?: (why: string) => Effect.Effect<void>
}
