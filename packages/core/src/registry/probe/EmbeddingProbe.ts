/**
 * Tries an embedding model: three times three texts, of which the first two say nearly the same. Vectors that do not tell them
 * from the third one are of no use.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { byCosine, isLike } from "../../agent/tools/SemanticRank.ts"
import type { Embeddings } from "../../lmstudio/ApiRequests.ts"
import { isRefusal, saidBy } from "../../models/catalog/ModelEvidence.ts"
import type { ModelLease } from "../../models/LoadedModel.ts"
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import { loadTime, measured, result } from "./Judged.ts"
import type { Options, Tried } from "./WholeProbe.ts"

/** Fails when the model or the server does; a refusal is a trial that failed, and the last one. */
export const run = Effect.fn("EmbeddingProbe.run")(function* (
  lease: ModelLease,
  embed: (texts: ReadonlyArray<string>) => Effect.Effect<Embeddings, ModelLifecycleError>,
  { idle, limit, onFound, onTrial }: Options
) {
  const loaded = yield* Effect.flatMap(lease.ensured, loadTime)
  yield* idle
  let requests = 0
  const right: Array<boolean> = []
  const millis: Array<number> = []
  let dimensions: number | undefined
  let detail: string | undefined
  const all = Effect.gen(function* () {
    for (const texts of trials) {
      yield* onTrial("vectors of three texts")
      requests++
      const since = yield* Clock.currentTimeMillis
      const reply = yield* embed(texts).pipe(
        Effect.map(({ vectors }) => Option.some(vectors)),
        // engines have been seen to write no number for one, once
        Effect.catchTag("ReplyMalformed", () => {
          detail = "a reply without whole vectors"
          return Effect.succeedSome([])
        }),
        Effect.catchIf(isRefusal, (error) => {
          detail = `the server refuses: ${saidBy(error)}`
          return Effect.succeedNone
        })
      )
      if (Option.isNone(reply)) return void right.push(false)
      const [first = [], ...others] = reply.value
      right.push(
        others.length === texts.length - 1 && reply.value.every(isLike(first)) && byCosine(first, others)[0] === 0
      )
      millis.push(((yield* Clock.currentTimeMillis) - since) / texts.length)
      if (first.length > 0) dimensions = first.length
    }
  })
  const ended = yield* Effect.timeoutOption(all, limit)
  if (right.length > 0) {
    yield* onFound({
      ...loaded,
      embeddings: yield* result(right, detail),
      ...(dimensions === undefined ? {} : yield* measured("dimensions", [dimensions], right.length)),
      ...(yield* measured("millisPerText", millis))
    })
  }
  const tried: Tried = { requests, untried: Option.isNone(ended) ? ["vectors of texts"] : [] }
  return tried
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const trials: ReadonlyArray<ReadonlyArray<string>> = [
  ["The cat sleeps on the sofa.", "A cat is asleep on the sofa.", "Interest rates rose again this year."],
  ["The train to Oslo is late today.", "Today the train to Oslo has a delay.", "Beat the eggs with sugar."],
  ["The software update failed on my phone.", "My phone failed the software update.", "Wild geese fly south."]
]
