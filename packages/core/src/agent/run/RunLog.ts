/**
 * The events of a run and its state. An event is numbered, folded into the state and handed to the readers atomically.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { RunId } from "../../observability/Correlation.ts"
import { stamp, type AgentEvent, type AgentEventBody } from "../rules/AgentEvent.ts"
import { evolve } from "../rules/Evolve.ts"
import type { AgentState } from "../rules/AgentState.ts"
import { isHarmless } from "../rules/OpenCalls.ts"
import * as LogLines from "../../runs/LogLines.ts"
import * as RunJournal from "../../runs/RunJournal.ts"
import type { RunTakenOver } from "../../runs/RunIds.ts"

export interface RunLog {
  readonly runId: RunId
  /** The current state of the run. */
  readonly state: AgentState
  readonly tell: (body: AgentEventBody) => Effect.Effect<AgentEvent>
  /** Writes the events that are not in the journal yet. */
  readonly flush: Effect.Effect<void>
  /** Why not all events are in the journal; undefined if they are. */
  readonly unstored: string | undefined
  /** Fails when the journal says that the run is carried out elsewhere; from then on nothing is written. */
  readonly takenOver: Effect.Effect<never, RunTakenOver>
}

/** `write` stores events. It is called, with all unwritten events, before anything happens that must not be lost. */
export const make = Effect.fnUntraced(function* (options: {
  readonly runId: RunId
  readonly state: AgentState
  readonly seq: number
  readonly offer: (event: AgentEvent) => void
  readonly write: RunJournal.Write
}) {
  const { offer, runId, write } = options
  let { seq, state } = options
  let unwritten: ReadonlyArray<AgentEvent> = []
  const takenOver = yield* Deferred.make<never, RunTakenOver>()
  let isOurs = true
  let unstored: string | undefined
  const oneWriter = yield* Effect.makeSemaphore(1)
  // Events are taken when the write's turn comes, so that none is lost when a fiber is interrupted or another writes first.
  // A timeout, or a person who stops the run, must not interrupt a write.
  const flush = Effect.suspend(() => {
    if ((unwritten.length === 0 && unstored === undefined) || !isOurs) return Effect.void
    const events = unwritten
    unwritten = []
    return Effect.matchEffect(write(events), {
      onSuccess: (why) => Effect.sync(() => (unstored = why)),
      onFailure: (error) => {
        isOurs = false
        return Deferred.fail(takenOver, error)
      }
    })
  }).pipe(oneWriter.withPermits(1), Effect.uninterruptible)
  // what waited to be written must not happen where the run is lost: whoever tells is interrupted there
  const wait = Effect.zipRight(
    flush,
    Effect.suspend(() => (isOurs ? Effect.void : Effect.interruptible(Effect.never)))
  )
  const stored = Effect.repeat(wait, {
    while: () => unstored !== undefined,
    schedule: Schedule.upTo(Schedule.spaced("1 second"), patience)
  })
  const byUrgency = { store: stored, wait, begin: Effect.forkDaemon(flush), none: Effect.void }
  const log: RunLog = {
    runId,
    flush,
    takenOver: Deferred.await(takenOver),
    get state() {
      return state
    },
    get unstored() {
      return unstored
    },
    tell: (body) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        const event = stamp(body, runId, seq++, at)
        state = evolve(state, event)
        offer(event)
        if (!RunJournal.isKept(event)) return Effect.succeed(event)
        unwritten = [...unwritten, event]
        const line = LogLines.of(event)
        const written = Effect.as(byUrgency[urgency(event)], event)
        return line === undefined ? written : Effect.zipRight(LogLines.log(line), written)
      })
  }
  return log
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** How long the start of a call that may change something waits for a disk that is full. */
const patience = "10 seconds"

/**
 * How urgently an event must be written. The start of a tool that may change something waits until it is written, and is not
 * made where that cannot be; the result of a tool is written while the model is asked. Calls and replies that can be repeated
 * are written with the next events.
 */
const urgency = (event: AgentEvent): "store" | "wait" | "begin" | "none" => {
  switch (event._tag) {
    case "ToolCallStarted":
      return event.traits !== undefined && !isHarmless(event.traits) ? "store" : "none"
    case "RunStarted":
    case "RunResumed":
    case "ModelGivenUp":
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
