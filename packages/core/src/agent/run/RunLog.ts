/**
 * What a run tells, and where it stands: one event is numbered, folded into the state and handed to the readers in a
 * single step that nothing can part.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { RunId } from "../../observability/Correlation.ts"
import { stamp, type AgentEvent, type AgentEventBody } from "../rules/AgentEvent.ts"
import { evolve } from "../rules/Evolve.ts"
import type { AgentState } from "../rules/AgentState.ts"
import { isHarmless } from "../rules/OpenCalls.ts"
import * as RunJournal from "../../runs/RunJournal.ts"

export interface RunLog {
  readonly runId: RunId
  /** Where the run stands now. */
  readonly state: AgentState
  readonly tell: (body: AgentEventBody) => Effect.Effect<void>
  /** Keeps what has not been kept yet. */
  readonly flush: Effect.Effect<void>
}

/** `write` keeps events; it is called before anything happens that must not be forgotten, with all events since. */
export const make = (options: {
  readonly runId: RunId
  readonly state: AgentState
  readonly seq: number
  readonly offer: (event: AgentEvent) => void
  readonly write: (events: ReadonlyArray<AgentEvent>) => Effect.Effect<void>
}): RunLog => {
  const { offer, runId, write } = options
  let { seq, state } = options
  let unwritten: ReadonlyArray<AgentEvent> = []
  const oneWriter = Effect.unsafeMakeSemaphore(1)
  // What is to be written is taken when its turn comes, so that nothing is between two places when a fiber is interrupted
  // or others go first. Time that runs out, or a person who stops the run, must not tear what is being written.
  const flush = Effect.suspend(() => {
    if (unwritten.length === 0) return Effect.void
    const events = unwritten
    unwritten = []
    return write(events)
  }).pipe(oneWriter.withPermits(1), Effect.uninterruptible)
  const begin = Effect.forkDaemon(flush)
  return {
    runId,
    flush,
    get state() {
      return state
    },
    tell: (body) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        const event = stamp(body, runId, seq++, at)
        state = evolve(state, event)
        offer(event)
        if (!RunJournal.isKept(event)) return Effect.void
        unwritten = [...unwritten, event]
        switch (hurry(event)) {
          case "wait":
            return flush
          case "begin":
            return begin
          case "none":
            return Effect.void
        }
      })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/**
 * What could not be found out again: that a tool begins to change something, which waits until it is written, and what a
 * tool gave, which is written while the model is asked. A call that may be made again, and a reply that may be asked for
 * again, go with the next events.
 */
const hurry = (event: AgentEvent): "wait" | "begin" | "none" => {
  switch (event._tag) {
    case "ToolCallStarted":
      return event.traits !== undefined && !isHarmless(event.traits) ? "wait" : "none"
    case "RunStarted":
    case "RunResumed":
    case "Compacted":
    case "RunFinished":
    case "RunFailed":
      return "wait"
    case "ToolCallFinished":
      return "begin"
    default:
      return "none"
  }
}
