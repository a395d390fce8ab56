/**
 * Ranks tools by their semantic similarity to a task, with an embedding model that is in memory or, if wanted, loaded for
 * it from disk. For "shall I take an umbrella" it finds a tool called forecast; words alone do not.
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Embedder } from "../../models/catalog/Embedder.ts"
import type { EnsureOptions } from "../../models/EnsureOptions.ts"
import { slim } from "../schema/SlimSchema.ts"
import type { CatalogTool } from "./CatalogTool.ts"
import { StoredVectors, type Vector } from "./StoredVectors.ts"

/**
 * The result: the names of all tools, the nearest first; nothing, because there is no embedding model; or the reason
 * why there is none.
 */
export const Nearness = Schema.Union(
  Schema.TaggedStruct("Near", { model: Schema.String, order: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("NoneAtHand", {}),
  Schema.TaggedStruct("Untold", { reason: Schema.String })
)
export type Nearness = typeof Nearness.Type

export interface Options {
  /** Whether a small model on disk may be loaded, beside what is in memory. */
  readonly load: boolean
  /** Longest wait, for a load as well. */
  readonly wait: Duration.DurationInput
  readonly onProgress: NonNullable<EnsureOptions["onProgress"]>
}

/** Where nothing else is provided, there is no embedding model. */
export class SemanticRank extends Context.Reference<SemanticRank>()("@lms-bridge/core/agent/SemanticRank", {
  defaultValue: (): {
    /** Embeds the task and the tools not seen before. */
    readonly of: (task: string, tools: ReadonlyArray<CatalogTool>, options: Options) => Effect.Effect<Nearness>
  } => ({ of: () => Effect.succeed(noneAtHand) })
}) {
  /** Vectors of tools are kept by model and text, as they come: what ends in the middle goes on there the next time. */
  static readonly layer: Layer.Layer<SemanticRank, never, Embedder> = Layer.effect(
    this,
    Effect.map(Effect.all([Embedder, StoredVectors]), ([embedder, stored]) => {
      const known = new Map<string, Map<string, Vector>>()
      const knownOf = Effect.fnUntraced(function* (model: string) {
        const own = known.get(model) ?? new Map(yield* stored.read(model))
        known.set(model, own)
        return own
      })
      const vectorsBy = Effect.fnUntraced(function* (
        model: string,
        task: string,
        texts: ReadonlyArray<string>,
        { onProgress }: Options
      ) {
        const own = yield* knownOf(model)
        const unseen = Arr.chunksOf(
          [...new Set(texts)].filter((text) => !own.has(text)),
          mostAtOnce
        )
        let ofTask: Vector = []
        for (const [place, some] of [...unseen, ...(unseen.length === 0 ? [[]] : [])].entries()) {
          const input = place === 0 ? [task, ...some] : some
          const { vectors } = yield* embedder.embed(input, { model, temporary: true, beside: true, onProgress })
          const ofTexts = place === 0 ? vectors.slice(1) : vectors
          if (place === 0) ofTask = vectors[0] ?? []
          if (vectors.length !== input.length || !vectors.every(isLike(ofTask))) return Option.none()
          if (own.size + some.length > mostKept) own.clear()
          for (const [index, text] of some.entries()) own.set(text, ofTexts[index] ?? [])
          if (some.length > 0) yield* stored.write(model, own)
        }
        const ofTools = texts.map((text) => own.get(text) ?? [])
        if (ofTools.every(isLike(ofTask))) return Option.some({ ofTask, ofTools })
        // they were of another model with the same name
        own.clear()
        yield* stored.write(model, own)
        return Option.none()
      })
      const nearBy = Effect.fnUntraced(function* (
        model: string,
        task: string,
        tools: ReadonlyArray<CatalogTool>,
        options: Options
      ) {
        const vectors = yield* vectorsBy(model, task, tools.map(textOf), options)
        return Option.match(vectors, {
          onNone: () => untold(`${model} gave vectors that cannot be compared`),
          onSome: ({ ofTask, ofTools }): Nearness => {
            const order = byCosine(ofTask, ofTools).flatMap((place) => tools[place]?.name ?? [])
            return { _tag: "Near", model, order }
          }
        })
      })
      /** One that refuses is not offered again, so the next one is asked. */
      const near = Effect.fnUntraced(function* (task: string, tools: ReadonlyArray<CatalogTool>, options: Options) {
        const best = options.load ? embedder.small : embedder.atHand
        let refusal: { readonly model: string; readonly why: string } | undefined
        for (;;) {
          const model = Option.getOrUndefined(yield* best)
          if (refusal !== undefined && (model === undefined || model === refusal.model)) return untold(refusal.why)
          if (model === undefined) return noneAtHand
          const found = yield* Effect.either(nearBy(model, task, tools, options))
          if (Either.isRight(found)) return found.right
          if (found.left._tag !== "ModelUnfit") return yield* found.left
          refusal = { model, why: found.left.message }
        }
      })
      return {
        of: (task, tools, options) =>
          near(task, tools, options).pipe(
            Effect.catchAll((error) => Effect.succeed(untold(error.message))),
            Effect.timeoutTo({
              duration: options.wait,
              onSuccess: (found): Nearness => found,
              onTimeout: () => untold(`no answer within ${Duration.format(options.wait)}`)
            }),
            Effect.withSpan("SemanticRank.of")
          )
      }
    })
  )
}

export const noneAtHand: Nearness = { _tag: "NoneAtHand" }

/**
 * The indexes of the vectors by descending cosine similarity to the first argument. Equals keep their order.
 */
export const byCosine = (to: Vector, vectors: ReadonlyArray<Vector>): ReadonlyArray<number> =>
  vectors
    .map((vector, place) => ({ place, cosine: dot(to, vector) / (length(to) * length(vector)) }))
    .toSorted((a, b) => b.cosine - a.cosine || a.place - b.place)
    .map(({ place }) => place)

/** Whether a vector has a direction and as many dimensions as the other. */
export const isLike = (other: Vector) => (vector: Vector) => {
  const size = length(vector)
  return vector.length === other.length && Number.isFinite(size) && size > 0
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A few megabytes of vectors, for more tools than the servers of one user have. */
const mostKept = 2000

/** Texts in one request. A small machine takes a second or two for so many. */
const mostAtOnce = 32

const untold = (reason: string): Nearness => ({ _tag: "Untold", reason })

const dot = (a: Vector, b: Vector) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)
const length = (vector: Vector) => Math.sqrt(dot(vector, vector))

const textOf = ({ definition, tool }: CatalogTool): string => {
  const { description, parameters } = slim(definition)
  const { properties } = parameters
  const names = Predicate.isRecord(properties) ? Object.keys(properties) : []
  return [tool.name, description, names.join(", ")].filter((part) => part !== "").join("\n")
}
