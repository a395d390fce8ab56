/**
 * What the page knows: a copy of what the server has told, and the connection on which it tells more.
 */
import { batch, signal } from "@preact/signals"
import type { ModelsNow, RunLine, ServerLine, Snapshot } from "../Wire.ts"

export type Connection = "connecting" | "open" | "lost" | "refused"

export const connection = signal<Connection>("connecting")
export const version = signal("")
export const runs = signal<ReadonlyMap<string, RunLine>>(new Map())
export const models = signal<ModelsNow>({ loaded: [] })
export const servers = signal<ReadonlyArray<ServerLine>>([])
/** The server's time, twice a second. */
export const now = signal(Date.now())
/** `#/runs` as `["runs"]`, `#/run/ID` as `["run", "ID"]`. */
export const place = signal<ReadonlyArray<string>>(placeOf(location.hash))

let offset = 0
let source: EventSource | undefined
let again: ReturnType<typeof setTimeout> | undefined

/** Opens the connection; the browser keeps it up. */
export const connect = (): void => {
  source?.close()
  clearTimeout(again)
  const events = new EventSource("/api/events")
  source = events
  events.addEventListener("open", () => (connection.value = "open"))
  events.addEventListener("error", () => {
    if (events.readyState !== EventSource.CLOSED) return void (connection.value = "lost")
    void refusedOrLost()
  })
  on<Snapshot>(events, "snapshot", (snapshot) => {
    offset = snapshot.now - Date.now()
    connection.value = "open"
    version.value = snapshot.version
    draft = undefined
    runs.value = new Map(snapshot.runs.map((line) => [line.runId, line]))
    models.value = snapshot.models
    servers.value = snapshot.servers
    now.value = snapshot.now
  })
  on<ReadonlyArray<RunLine>>(events, "runs", (lines) => {
    draft ??= new Map(runs.value)
    for (const line of lines) draft.set(line.runId, line)
  })
  on<ModelsNow>(events, "models", (value) => (models.value = value))
  on<ReadonlyArray<ServerLine>>(events, "servers", (value) => (servers.value = value))
}

export const disconnect = (): void => {
  source?.close()
  connection.value = "refused"
}

export const start = (): void => {
  place.value = placeOf(location.hash)
  setInterval(() => {
    if (!document.hidden) now.value = Date.now() + offset
  }, 500)
  addEventListener("hashchange", () => {
    place.value = placeOf(location.hash)
    scrollTo(0, 0)
  })
  connect()
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function placeOf(hash: string): ReadonlyArray<string> {
  const words = hash
    .replace(/^#\/?/, "")
    .split("/")
    .filter((word) => word !== "")
    .map(decoded)
  return words.length === 0 ? ["now"] : words
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word)
  } catch {
    return word
  }
}

/** The runs with what has arrived within one frame: a copy for each event would cost more than the drawing. */
let draft: Map<string, RunLine> | undefined

/** What arrives within one frame is drawn together. */
const waiting: Array<() => void> = []
const soon = (change: () => void) => {
  waiting.push(change)
  if (waiting.length > 1) return
  const flush = () =>
    batch(() => {
      waiting.splice(0).forEach((one) => one())
      if (draft !== undefined) runs.value = draft
      draft = undefined
    })
  // a page that nobody looks at has no frames
  if (document.hidden) flush()
  else requestAnimationFrame(flush)
}

const on = <A>(events: EventSource, name: string, take: (value: A) => void) =>
  events.addEventListener(name, (event) => {
    const value = JSON.parse((event as MessageEvent<string>).data) as A
    soon(() => take(value))
  })

/** The browser does not say why it gave up. */
const refusedOrLost = async () => {
  const status = await fetch("/api/session").then(
    (response) => response.status,
    () => 0
  )
  if (status === 401) return void (connection.value = "refused")
  connection.value = "lost"
  again = setTimeout(connect, 2000)
}
