/**
 * A run as a durable workflow. It only says who has the run next: the steps are events in the journal, and what may be
 * repeated is known there. The names are stored: never rename them, add.
 */
import { Budgets } from "@lms-bridge/core/AgentLoop"
import * as DurableClock from "@effect/workflow/DurableClock"
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import * as DurableQueue from "@effect/workflow/DurableQueue"
import * as Workflow from "@effect/workflow/Workflow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** How a part of a run ended on a host. */
export const End = Schema.Union(
  Schema.TaggedStruct("Ended", { status: Schema.String }),
  /** The number of the event that asks; the slot is free until somebody answers. */
  Schema.TaggedStruct("NeedsApproval", { asked: Schema.Int }),
  /** This host cannot carry it out now; another may. */
  Schema.TaggedStruct("Released", { host: Schema.String, why: Schema.String })
)
export type End = typeof End.Type

const Handed = {
  runId: Schema.String,
  /** The last event when it was handed in: a run that is resumed is handed in again. */
  from: Schema.Int,
  caller: Schema.String,
  model: Schema.NullOr(Schema.String),
  priority: Schema.Int,
  host: Schema.NullOr(Schema.String),
  /** For a run that is resumed. */
  how: Schema.NullOr(
    Schema.Struct({
      budgets: Schema.optionalWith(Budgets, { exact: true }),
      approved: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
      contextLength: Schema.optionalWith(Schema.Int, { exact: true })
    })
  )
}

export const Segment = Schema.Struct({
  ...Handed,
  part: Schema.Int,
  avoid: Schema.NullOr(Schema.String),
  /** Hosts that could not carry it out until now. */
  releases: Schema.optionalWith(Schema.Int, { default: () => 0 })
})
export type Segment = typeof Segment.Type

export const Segments = DurableQueue.make({
  name: "segments",
  payload: Segment,
  idempotencyKey: ({ from, part, runId }) => `${runId}/${from}/${part}`,
  success: End,
  error: Schema.String
})

export const queueName = `DurableQueue/${Segments.name}`

/** What the queue has for each part. */
export const Item = Schema.Struct({
  token: DurableDeferred.Token,
  traceId: Schema.String,
  spanId: Schema.String,
  sampled: Schema.Boolean,
  payload: Segment
})

export const Approval = (asked: number) => DurableDeferred.make(`approval/${asked}`)

export const AgentRun = Workflow.make({
  name: "AgentRun",
  payload: Handed,
  idempotencyKey: ({ from, runId }) => `${runId}/${from}`,
  success: Schema.Struct({ status: Schema.String, parts: Schema.Int }),
  error: Schema.String
})

/** Hosts that may fail before the run does. */
export const mostReleases = 5

export const layer = AgentRun.toLayer(
  Effect.fnUntraced(function* (handed) {
    let avoid: string | null = null
    let releases = 0
    for (let part = 0; ; part++) {
      const end: End = yield* DurableQueue.process(Segments, { ...handed, part, avoid, releases })
      switch (end._tag) {
        case "Ended":
          return { status: end.status, parts: part + 1 }
        case "NeedsApproval":
          yield* DurableDeferred.await(Approval(end.asked))
          break
        case "Released":
          if (++releases >= mostReleases) return { status: "failed", parts: part + 1 }
          avoid = end.host
          yield* DurableClock.sleep({ name: `pause-${part}`, duration: "1 second", inMemoryThreshold: "10 seconds" })
      }
    }
  })
)
