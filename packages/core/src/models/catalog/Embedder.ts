/** Embeds texts as vectors, with an embedding model, never with the chat model. */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import type { Embeddings } from "../../lmstudio/ApiRequests.ts"
import type { ApiError, ModelNotFound } from "../../lmstudio/LmStudioError.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"
import { ModelLifecycle, type ModelLifecycleError } from "../ModelLifecycle.ts"
import { ModelUnfit } from "../ModelUnfit.ts"
import type { EnsureOptions } from "../EnsureOptions.ts"
import { ModelEvidence, type EmbeddingUse, isRefusal, saidBy } from "./ModelEvidence.ts"
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

type Options = Pick<EnsureOptions, "onProgress" | "temporary" | "beside">

export class Embedder extends Context.Tag("@lms-bridge/core/models/Embedder")<
  Embedder,
  {
    /**
     * One vector per text, from the embedding model of that name, else from the best one: seen to embed before one that is
     * only said to, in memory before on disk, then the smallest. One that refuses fails with `ModelUnfit`; without a name,
     * the next one is asked, also where one cannot be loaded.
     */
    readonly embed: (
      texts: ReadonlyArray<string>,
      options?: Options & { readonly model?: string | undefined }
    ) => Effect.Effect<Embedded, EmbedderError>
    /** The best that is in memory now, without loading one. */
    readonly atHand: Effect.Effect<Option.Option<string>, EmbedderError>
    /** The best that is in memory, or so small that it may be loaded beside the model of a run. */
    readonly small: Effect.Effect<Option.Option<string>, EmbedderError>
  }
>() {
  static readonly layer: Layer.Layer<Embedder, never, LmStudioApi | ModelLifecycle> = Layer.effect(
    this,
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const lifecycle = yield* ModelLifecycle
      const evidence = yield* ModelEvidence
      /** What each showed last, in this process: said once, and believed where it cannot be written. */
      const shown = new Map<string, EmbeddingUse["_tag"]>()
      const note = (model: string, use: EmbeddingUse) =>
        Effect.suspend(() => {
          if (shown.get(model) === use._tag) return Effect.void
          shown.set(model, use._tag)
          return evidence.embedded(model, use)
        })

      const ranked = Effect.gen(function* () {
        const models = (yield* api.models).filter(({ type }) => type === "embedding")
        const known = yield* evidence.embeds(models)
        return ModelFit.embedders(models, (key) => (shown.get(key) === "Refused" ? false : known.get(key)))
      })
      const atHand = Effect.map(ranked, ({ able }) =>
        Option.fromNullable(able.find(({ instances }) => instances.length > 0)?.key)
      )

      /** A model that refuses a word as well does not embed. */
      const refusedBy = (key: string, instanceId: string, error: ApiError): Effect.Effect<never, EmbedderError> =>
        api.embed({ model: instanceId, input: [word] }).pipe(
          Effect.catchIf(isRefusal, (again) =>
            Effect.zipRight(
              note(key, { _tag: "Refused", said: saidBy(again) }),
              new ModelUnfit({ ability: "embedding", model: key, said: saidBy(again), suited: [] })
            )
          ),
          Effect.zipRight(Effect.fail(error))
        )

      const embedBy = Effect.fnUntraced(function* (key: string, texts: ReadonlyArray<string>, options: Options) {
        return yield* lifecycle.withModel(
          key,
          options
        )((lease) =>
          Effect.gen(function* () {
            const { contextLength, instanceId } = yield* lease.ensured
            const [took, embeddings] = yield* api.embed({ model: instanceId, input: texts }).pipe(
              // engines have been seen to write no number for one, once
              Effect.retry({ times: 1, while: ({ _tag }) => _tag === "ReplyMalformed" }),
              Effect.timed,
              Effect.catchIf(isRefusal, (error) => refusedBy(key, instanceId, error))
            )
            const [{ length: dimensions } = []] = embeddings.vectors
            if (dimensions > 0) {
              yield* note(key, { _tag: "Answered", dimensions, millisPerText: Duration.toMillis(took) / texts.length })
            }
            const tooLong = texts.flatMap((text, index) =>
              contextLength !== undefined && TokenCount.ofText(text) > contextLength ? [index] : []
            )
            return { ...embeddings, contextLength, tooLong }
          })
        )
      })

      /** By the first that does not refuse and can be loaded. */
      const embedByOneOf = (
        [key, ...others]: Arr.NonEmptyReadonlyArray<string>,
        texts: ReadonlyArray<string>,
        options: Options
      ): Effect.Effect<Embedded, EmbedderError> =>
        Effect.catchTag(
          embedBy(key, texts, options),
          "ModelUnfit",
          "ModelLoadFailed",
          "ModelLoadRefused",
          (error): Effect.Effect<Embedded, EmbedderError> =>
            Arr.isNonEmptyReadonlyArray(others) ? embedByOneOf(others, texts, options) : Effect.fail(error)
        )

      return {
        atHand,
        small: Effect.gen(function* () {
          // another kind of server has so many places, and would give up the model of the run for it
          if (!(yield* api.server).isLmStudio) return yield* atHand
          const { able } = yield* ranked
          return Option.fromNullable(
            able.find(({ instances, sizeBytes }) => instances.length > 0 || (sizeBytes ?? Infinity) <= smallBytes)?.key
          )
        }),
        embed: Effect.fn("Embedder.embed")(function* (texts, { model, ...options } = {}) {
          yield* Effect.annotateCurrentSpan({ texts: texts.length })
          if (!ModelName.isDefault(model)) {
            const { key } = yield* Effect.flatMap(api.models, (models) => ModelFit.choose(models, "embedding", model))
            return yield* embedBy(key, texts, options)
          }
          const { able, refusing } = yield* ranked
          const keys = able.map(({ key }) => key)
          if (Arr.isNonEmptyReadonlyArray(keys)) return yield* embedByOneOf(keys, texts, options)
          return yield* new ModelUnfit({
            ability: "embedding",
            ...(refusing.length === 0
              ? {}
              : {
                  lacks: refusing
                    .map(({ key }) => `${key} refused (\`lms-bridge models probe ${key}\` tries it again)`)
                    .join("; ")
                }),
            suited: []
          })
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

/** No model that embeds refuses it. */
const word = "word"
