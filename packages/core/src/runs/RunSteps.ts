/** Places in a run from which another one may go on. */
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"

/** The last round that was begun; 0 before the first. */
export const lastRound = (events: ReadonlyArray<AgentEvent>): number =>
  events.reduce((last, event) => (event._tag === "RoundStarted" ? Math.max(last, event.round) : last), 0)

/**
 * How many events there are up to the end of a round, its results included; 0 is what came before the first. Undefined
 * when there was no such round.
 */
export const eventsThrough = (events: ReadonlyArray<AgentEvent>, round: number): number | undefined => {
  const last = lastRound(events)
  if (round > last) return undefined
  // a round that was begun again after the run was taken up has its number twice
  const next = events.findIndex((event) => event._tag === "RoundStarted" && event.round > round)
  return next === -1 ? events.length : next
}
