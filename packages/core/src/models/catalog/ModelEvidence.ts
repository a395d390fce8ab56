/** What is known of models beyond the server's word: asked before one is chosen, and told what its use showed. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import type { ModelLifecycleError } from "../ModelLifecycleError.ts"

/** What one use showed: vectors, or that the model gives none. */
export type EmbeddingUse =
  | { readonly _tag: "Answered"; readonly dimensions: number; readonly millisPerText: number }
  | { readonly _tag: "Refused"; readonly said: string }

/** Nothing is known, and nothing is kept; that is the default. */
export class ModelEvidence extends Context.Reference<ModelEvidence>()("@lms-bridge/core/models/ModelEvidence", {
  defaultValue: (): {
    /** As the server lists them, except for abilities that were tried or seen here: these are as they were found. */
    readonly believed: (models: ReadonlyArray<ApiModel>) => Effect.Effect<ReadonlyArray<ApiModel>>
    /** Whether models embed texts, by key, where that was tried or seen. */
    readonly embeds: (models: ReadonlyArray<ApiModel>) => Effect.Effect<ReadonlyMap<string, boolean>>
    readonly embedded: (model: string, use: EmbeddingUse) => Effect.Effect<void>
  } => ({
    believed: Effect.succeed,
    embeds: () => Effect.succeed(new Map()),
    embedded: () => Effect.void
  })
}) {}

/**
 * What a server says of a model that gives no vectors. It says the same of some texts, so a short one tells the two apart. A
 * route that is missing, or a model that cannot be loaded, says nothing about embeddings.
 */
export const isRefusal = (error: ModelLifecycleError): boolean =>
  (error._tag === "RequestRejected" && error.code !== "not_sent") || error._tag === "ReplyMalformed"

/** The words of the server, for a line. */
export const saidBy = (error: ModelLifecycleError): string =>
  error._tag === "ReplyMalformed"
    ? "its reply holds no vectors"
    : "serverMessage" in error && error.serverMessage !== undefined
      ? error.serverMessage
      : error.message
