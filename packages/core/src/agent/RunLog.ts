/**
 * What a run tells, and where it stands: one event is numbered, folded into the state and handed to the readers in a
 * single step that nothing can part.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { RunId } from "../observability/Correlation.ts"
import { stamp, type AgentEvent, type AgentEventBody } from "./AgentEvent.ts"
import { evolve } from "./AgentEvolution.ts"
import type { AgentState } from "./AgentState.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface RunLog {
  readonly runId: RunId
  /** Where the run stands now. */
  readonly state: AgentState
  readonly tell: (body: AgentEventBody) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (runId: RunId, start: AgentState, seq: number, offer: (event: AgentEvent) => void): RunLog => {
  let state = start
  let next = seq
  return {
    runId,
    get state() {
      return state
    },
    tell: (body) =>
      Effect.map(Clock.currentTimeMillis, (at) => {
        const event = stamp(body, runId, next++, at)
        state = evolve(state, event)
        offer(event)
      })
  }
}
