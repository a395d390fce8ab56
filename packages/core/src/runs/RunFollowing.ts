/** The events of a run as they are stored, for readers that are not where the run is carried out. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"
import type { RunNotFound } from "./RunIds.ts"

/**
 * `read` gives the events from number `from` on, or more of them. Looks twice a second. Events that are stored while it looks come with the next look, in order and
 * once.
 */
export const of =
  (read: (runId: string, from: number) => Effect.Effect<ReadonlyArray<AgentEvent>, RunNotFound>) =>
  (runId: string, after = -1): Stream.Stream<AgentEvent, RunNotFound> =>
    Stream.paginateChunkEffect({ after, wait: false }, (seen) =>
      Effect.gen(function* () {
        if (seen.wait) yield* Effect.sleep("500 millis")
        const events = yield* read(runId, Math.max(0, seen.after))
        const last = events.at(-1)
        return [
          Chunk.fromIterable(events.filter(({ seq }) => seq > seen.after)),
          hasEnded(last) ? Option.none() : Option.some({ after: last?.seq ?? seen.after, wait: true })
        ]
      })
    )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const hasEnded = (event: AgentEvent | undefined) => event?._tag === "RunFinished" || event?._tag === "RunFailed"
