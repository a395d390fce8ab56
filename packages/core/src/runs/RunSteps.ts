/** Points in a run from which another one can continue. */
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"

/** The last round that was started; 0 before the first. */
export const lastRound = (events: ReadonlyArray<AgentEvent>): number =>
  events.reduce((last, event) => (event._tag === "RoundStarted" ? Math.max(last, event.round) : last), 0)

/**
 * The number of events up to the end of a round, including its results; round 0 is everything before the first. Undefined
 * when there was no such round.
 */
export const eventsThrough = (events: ReadonlyArray<AgentEvent>, round: number): number | undefined => {
  const last = lastRound(events)
  if (round > last) return undefined
  // a round that was restarted after the run was resumed appears twice
  const next = events.findIndex((event) => event._tag === "RoundStarted" && event.round > round)
  return next === -1 ? events.length : next
}
