/** Embeds texts as vectors, with an embedding model, never with the chat model. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import type { Embeddings } from "../../lmstudio/ApiRequests.ts"
import type { ModelNotFound } from "../../lmstudio/LmStudioError.ts"
import { ModelLifecycle, type ModelLifecycleError } from "../ModelLifecycle.ts"
import type { EnsureOptions } from "../EnsureOptions.ts"
import * as ModelFit from "./ModelFit.ts"

/**
 * `tooLong` are the indexes of texts that probably exceed the model's context: LM Studio truncates them silently
 * (contract H34).
 */
export interface Embedded extends Embeddings {
  readonly contextLength: number | undefined
  readonly tooLong: ReadonlyArray<number>
}

export type EmbedderError = ModelLifecycleError | ModelNotFound

export class Embedder extends Context.Tag("@lms-bridge/core/models/Embedder")<
  Embedder,
  {
    /** One vector per text, from the embedding model of that name, else one in memory, else the smallest on disk. */
    readonly embed: (
      texts: ReadonlyArray<string>,
      options?: Pick<EnsureOptions, "onProgress" | "temporary" | "beside"> & { readonly model?: string | undefined }
    ) => Effect.Effect<Embedded, EmbedderError>
    /** An embedding model that is in memory now, without loading one. */
    readonly atHand: Effect.Effect<Option.Option<string>, EmbedderError>
    /** One in memory, else the smallest on disk, if it is so small that it may be loaded beside the model of a run. */
    readonly small: Effect.Effect<Option.Option<string>, EmbedderError>
  }
>() {
  static readonly layer: Layer.Layer<Embedder, never, LmStudioApi | ModelLifecycle> = Layer.effect(
    this,
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const lifecycle = yield* ModelLifecycle
      const atHand = Effect.map(api.models, (models) =>
        Option.fromNullable(models.find(({ instances, type }) => type === "embedding" && instances.length > 0)?.key)
      )
      return {
        atHand,
        small: Effect.gen(function* () {
          // another kind of server has so many places, and would give up the model of the run for it
          if (!(yield* api.server).isLmStudio) return yield* atHand
          return Option.flatMap(Either.getRight(ModelFit.choose(yield* api.models, "embedding", undefined)), (model) =>
            model.instances.length > 0 || (model.sizeBytes ?? Infinity) <= smallBytes
              ? Option.some(model.key)
              : Option.none()
          )
        }),
        embed: Effect.fn("Embedder.embed")(function* (texts, { model, ...options } = {}) {
          const { key } = yield* Effect.flatMap(api.models, (models) => ModelFit.choose(models, "embedding", model))
          yield* Effect.annotateCurrentSpan({ model: key, texts: texts.length })
          return yield* lifecycle.withModel(
            key,
            options
          )((lease) =>
            Effect.gen(function* () {
              const { contextLength, instanceId } = yield* lease.ensured
              const embeddings = yield* api.embed({ model: instanceId, input: texts })
              const tooLong = texts.flatMap((text, index) =>
                contextLength !== undefined && TokenCount.ofText(text) > contextLength ? [index] : []
              )
              return { ...embeddings, contextLength, tooLong }
            })
          )
        })
      }
    })
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The usual embedding models take 45 to 600 MB. */
const smallBytes = 1_000_000_000
