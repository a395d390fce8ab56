// @effect-diagnostics nodeBuiltinImport:off -- the server's own responses
/**
 * Tells the pages that are open what changes, by server-sent events: the state of everything first, then what is new. Nothing
 * is looked at while no page is open.
 */
import type { ModelsNow, RunLine, ServerLine, Snapshot } from "@lms-bridge/page/Page"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Stream from "effect/Stream"
import type { ServerResponse } from "node:http"
import { always } from "./Answers.ts"

/** Where the state comes from. */
export interface Sources {
  readonly snapshot: Effect.Effect<Snapshot>
  /** The runs of this process. */
  readonly here: Effect.Effect<ReadonlyArray<RunLine>>
  /** All runs, those of other processes too. */
  readonly runs: Effect.Effect<ReadonlyArray<RunLine>>
  readonly models: Effect.Effect<ModelsNow>
  readonly servers: Effect.Effect<ReadonlyArray<ServerLine>>
  readonly changes: Stream.Stream<{ readonly runId: string }>
}

export interface Hub {
  /** Something of this run is new. */
  readonly changed: (runId: string) => void
  /** Looks at models and servers again soon, because somebody has just done something to them. */
  readonly lookAgain: () => void
  /** Sends events until either side ends it. */
  readonly open: (response: ServerResponse, isKnown: () => boolean) => Effect.Effect<void>
}

/** Beyond what a reader has not taken, it is cut off; its browser comes back and begins with a new snapshot. */
const mostUnread = 1024 * 1024
const mostReaders = 32
const tick = "100 millis"
/** In ticks. */
const every = { running: 10, models: 20, servers: 50, beat: 150, allRuns: 300 }

interface Reader {
  readonly response: ServerResponse
  readonly isKnown: () => boolean
}

export const make = Effect.fnUntraced(function* (sources: Sources) {
  const readers = new Set<Reader>()
  const fork = yield* FiberSet.makeRuntime<never, void, never>()
  const changed = new Set<string>()
  const sent = { runs: new Map<string, string>(), models: "", servers: "" }
  let id = 0
  let soon = false
  let isLooking = false

  const write = (reader: Reader, text: string) => {
    const { response } = reader
    if (!reader.isKnown() || response.writableLength > mostUnread) {
      readers.delete(reader)
      return void response.destroy()
    }
    response.write(text)
  }
  const message = (event: string, data: unknown) => `id: ${++id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
  const broadcast = (event: string, data: unknown) => {
    const text = message(event, data)
    for (const reader of readers) write(reader, text)
  }

  const tell = (lines: ReadonlyArray<RunLine>) => {
    const news = lines.filter((line) => {
      const text = JSON.stringify(line)
      if (sent.runs.get(line.runId) === text) return false
      sent.runs.set(line.runId, text)
      return true
    })
    if (news.length > 0) broadcast("runs", news)
  }
  const tellIfNew = (what: "models" | "servers", value: unknown) => {
    const text = JSON.stringify(value)
    if (sent[what] === text) return
    sent[what] = text
    broadcast(what, value)
  }

  const step = Effect.fnUntraced(function* (count: number) {
    const at = (n: number) => count % n === 0
    if (changed.size > 0 || at(every.running)) {
      changed.clear()
      tell(yield* sources.here)
    }
    if (soon || at(every.models)) tellIfNew("models", yield* sources.models)
    if (soon || at(every.servers)) tellIfNew("servers", yield* sources.servers)
    soon = false
    if (at(every.allRuns)) tell(yield* sources.runs)
    if (at(every.beat)) for (const reader of readers) write(reader, ": here\n\n")
  })

  const look = Effect.gen(function* () {
    yield* Effect.forkScoped(Stream.runForEach(sources.changes, ({ runId }) => Effect.sync(() => changed.add(runId))))
    for (let count = 1; readers.size > 0; count++) {
      yield* Effect.sleep(tick)
      yield* Effect.catchAllCause(step(count), (cause) => Effect.logDebug("the page was not told", cause))
    }
  }).pipe(
    Effect.scoped,
    Effect.ensuring(
      Effect.sync(() => {
        isLooking = false
        sent.runs.clear()
      })
    )
  )

  const hub: Hub = {
    changed: (runId) => void changed.add(runId),
    lookAgain: () => void (soon = true),
    open: Effect.fnUntraced(function* (response, isKnown) {
      if (readers.size >= mostReaders) {
        response.writeHead(503, { ...always, "retry-after": "5" })
        return void response.end()
      }
      const snapshot = yield* sources.snapshot
      response.writeHead(200, { ...always, "content-type": "text/event-stream", "x-accel-buffering": "no" })
      const reader: Reader = { response, isKnown }
      write(reader, `retry: 2000\n${message("snapshot", snapshot)}`)
      readers.add(reader)
      response.once("close", () => void readers.delete(reader))
      if (isLooking) return
      isLooking = true
      fork(look)
    })
  }
  return hub
})
