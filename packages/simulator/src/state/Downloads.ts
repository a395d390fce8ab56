/** Downloads in progress: each takes the configured time and then puts its model on disk. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { ModelOnDisk } from "./Catalogue.ts"
import { hex } from "../internal/ids.ts"
import type { LmStudioState } from "./LmStudioState.ts"

export interface Download {
  readonly jobId: string
  readonly model: ModelOnDisk
  readonly startedAt: number
  readonly durationMs: number
}

export interface Downloads {
  readonly start: (model: ModelOnDisk) => Effect.Effect<Download>
  readonly find: (jobId: string) => Effect.Effect<Download | undefined>
}

/** The progress at `now`, 0 to 1. */
export const fractionOf = (download: Download, now: number): number =>
  download.durationMs === 0 ? 1 : Math.min(1, (now - download.startedAt) / download.durationMs)

export const make = Effect.fnUntraced(function* (state: LmStudioState) {
  const jobs = yield* Ref.make<ReadonlyMap<string, Download>>(new Map())
  const downloads: Downloads = {
    start: Effect.fnUntraced(function* (model: ModelOnDisk) {
      const download: Download = {
        jobId: `job_${yield* hex(10)}`,
        model,
        startedAt: yield* Clock.currentTimeMillis,
        durationMs: Duration.toMillis((yield* state.settings).downloadTime)
      }
      yield* Ref.update(jobs, (current) => new Map(current).set(download.jobId, download))
      if (download.durationMs === 0) yield* state.addModel(model)
      else {
        yield* state.fork(Effect.zipRight(Effect.sleep(Duration.millis(download.durationMs)), state.addModel(model)))
      }
      return download
    }),
    find: (jobId) => Effect.map(Ref.get(jobs), (current) => current.get(jobId))
  }
  return downloads
})
