/** Tells the registry what each finished run has shown of its model, and what the kept ones have. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { noTally, sum, type Tally } from "../registry/Evidence.ts"
import { ModelRegistry } from "../registry/ModelRegistry.ts"
import { PastRuns } from "../registry/PastRuns.ts"
import { RunJournal } from "./RunJournal.ts"
import { type RunReader, RunReaders } from "./RunReaders.ts"
import * as RunTally from "./RunTally.ts"

/** A run is not held up: what it has shown is written beside the next one, at the latest when the layer closes. */
export const layer: Layer.Layer<never, never, ModelRegistry> = Layer.scoped(
  RunReaders,
  Effect.gen(function* () {
    const { observe } = yield* ModelRegistry
    const others = yield* RunReaders
    const ended = yield* Queue.unbounded<readonly [string, Tally]>()
    const keep = ([model, tally]: readonly [string, Tally]) => observe(model, tally)
    yield* Effect.addFinalizer(() => Effect.flatMap(Queue.takeAll(ended), Effect.forEach(keep, { discard: true })))
    yield* Queue.take(ended).pipe(
      Effect.flatMap((one) => Effect.uninterruptible(keep(one))),
      Effect.forever,
      Effect.interruptible,
      Effect.forkScoped
    )
    const reader = (): RunReader => {
      let tally = RunTally.initial
      return {
        on: (event) => void (tally = RunTally.step(tally, event)),
        end: () => {
          if (tally.model !== undefined && tally.ended !== undefined) ended.unsafeOffer([tally.model, tally.ended])
        }
      }
    }
    return [...others, reader]
  })
)

/** The tallies of the runs in the journal. */
export const past: Layer.Layer<never, never, RunJournal> = Layer.effect(
  PastRuns,
  Effect.map(RunJournal, (journal) => ({
    of: Effect.fnUntraced(function* (model: string) {
      const runs = (yield* journal.list).filter((run) => run.model === model)
      const tallies = yield* Effect.forEach(runs, ({ runId }) =>
        Effect.map(
          Effect.orElseSucceed(journal.read(runId), () => []),
          (events) => RunTally.of(events).ended ?? noTally
        )
      )
      const all = tallies.reduce(sum, noTally)
      return all.runs === 0 ? Option.none<Tally>() : Option.some(all)
    })
  }))
)
