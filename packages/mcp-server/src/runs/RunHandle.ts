/**
 * A run, whichever process carries it out.
 */
import type { AgentError } from "@lms-bridge/core/AgentLoop"
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import type { RunInProgress } from "@lms-bridge/core/RunJournal"
import type * as Effect from "effect/Effect"
import type * as RunReport from "./RunReport.ts"

export interface Handle {
  readonly record: Effect.Effect<RunReport.Record>
  /** All events but the deltas of text and reasoning, oldest first. */
  readonly events: Effect.Effect<ReadonlyArray<AgentEvent>>
  /** The record once the run has ended in any way. Fails if it could not start. */
  readonly await: Effect.Effect<RunReport.Record, AgentError>
  /** Stops reporting progress. */
  readonly detach: Effect.Effect<void>
  /**
   * Stops the run and everything beneath it; does nothing if it has ended. Fails for an active run of another process of
   * this machine, which can only be stopped there, and where a worker has not stopped it in time.
   */
  readonly cancel: Effect.Effect<RunReport.Record, RunInProgress>
}

/** A run that this process carries out. */
export interface OwnHandle extends Handle {
  readonly cancel: Effect.Effect<RunReport.Record>
}
