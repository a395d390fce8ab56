/**
 * Ranks tools by their semantic similarity to a task, with an embedding model that is in memory or, if wanted, loaded for
 * it from disk. For "shall I take an umbrella" it finds a tool called forecast; words alone do not.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Embedder } from "../../models/catalog/Embedder.ts"
import type { EnsureOptions } from "../../models/EnsureOptions.ts"
import { slim } from "../schema/SlimSchema.ts"
import type { CatalogTool } from "./CatalogTool.ts"

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

export class SemanticRank extends Context.Tag("@lms-bridge/core/agent/SemanticRank")<
  SemanticRank,
  {
    /** Embeds the task and the tools not seen before in one request. */
    readonly of: (task: string, tools: ReadonlyArray<CatalogTool>, options: Options) => Effect.Effect<Nearness>
  }
>() {
  /** Vectors of tools are cached for the lifetime of the layer, by model and text. */
  static readonly layer: Layer.Layer<SemanticRank, never, Embedder> = Layer.effect(
    this,
    Effect.map(Embedder, (embedder) => {
      const known = new Map<string, Vector>()
      const vectorsBy = Effect.fnUntraced(function* (
        model: string,
        task: string,
        texts: ReadonlyArray<string>,
        { onProgress }: Options
      ) {
        const keyOf = (text: string) => `${model}\n${text}`
        const unseen = [...new Set(texts)].filter((text) => !known.has(keyOf(text)))
        const { vectors } = yield* embedder.embed([task, ...unseen], {
          model,
          temporary: true,
          beside: true,
          onProgress
        })
        const [ofTask = [], ...ofUnseen] = vectors
        const fresh = new Map(unseen.map((text, index) => [text, ofUnseen[index] ?? []]))
        const ofTools = texts.map((text) => fresh.get(text) ?? known.get(keyOf(text)) ?? [])
        if (vectors.length !== unseen.length + 1 || ![ofTask, ...ofTools].every(isLike(ofTask))) {
          // the cached vectors may be from another model of the same name
          known.clear()
          return Option.none()
        }
        if (known.size + fresh.size > mostKept) known.clear()
        for (const [text, vector] of fresh) known.set(keyOf(text), vector)
        return Option.some({ ofTask, ofTools })
      })
      const near = Effect.fnUntraced(function* (task: string, tools: ReadonlyArray<CatalogTool>, options: Options) {
        const model = yield* options.load ? embedder.small : embedder.atHand
        if (Option.isNone(model)) return noneAtHand
        const vectors = yield* vectorsBy(model.value, task, tools.map(textOf), options)
        return Option.match(vectors, {
          onNone: () => untold(`${model.value} gave vectors that cannot be compared`),
          onSome: ({ ofTask, ofTools }) => {
            const order = byCosine(ofTask, ofTools).flatMap((place) => tools[place]?.name ?? [])
            return { _tag: "Near", model: model.value, order } as const
          }
        })
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

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Vector = ReadonlyArray<number>

/** A few megabytes of vectors, for more tools than the servers of one user have. */
const mostKept = 2000

const untold = (reason: string): Nearness => ({ _tag: "Untold", reason })

const dot = (a: Vector, b: Vector) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)
const length = (vector: Vector) => Math.sqrt(dot(vector, vector))

/** Whether a vector has a direction and as many dimensions as the other. */
const isLike = (other: Vector) => (vector: Vector) => {
  const size = length(vector)
  return vector.length === other.length && Number.isFinite(size) && size > 0
}

const textOf = ({ definition, tool }: CatalogTool): string => {
  const { description, parameters } = slim(definition)
  const { properties } = parameters
  const names = Predicate.isRecord(properties) ? Object.keys(properties) : []
  return [tool.name, description, names.join(", ")].filter((part) => part !== "").join("\n")
}
