/** How the simulator's tests send requests: plain ones, event streams read to their end, and `lms` run to its end. */
import { Command, CommandExecutor, HttpClient, HttpClientRequest } from "@effect/platform"
import type { Fiber } from "effect"
import { Effect, Option, Predicate, Schema, Stream } from "effect"

export const base = "http://127.0.0.1:1234"

/** The value at a path such as `error.type` or `models.*.key`; a star goes through an array. */
export type At = (path: string) => unknown

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Parsed if it is JSON. */
  readonly body: unknown
  readonly at: At
  readonly textAt: (path: string) => string
}

export const atPath = (value: unknown, path: string): unknown => {
  const [first = "", ...rest] = path.split(".")
  const below = rest.join(".")
  const step = (next: unknown) => (below === "" ? next : atPath(next, below))
  if (first === "*") return Array.isArray(value) ? value.map(step) : undefined
  return Predicate.isRecord(value) || Array.isArray(value) ? step(Reflect.get(value, first)) : undefined
}

/** The entry of a list whose field has this value. */
export const entry = (list: unknown, field: string, value: unknown): unknown =>
  Array.isArray(list) ? list.find((candidate) => atPath(candidate, field) === value) : undefined

/** The keys of an object, in order. */
export const keysOf = (value: unknown): ReadonlyArray<string> => (Predicate.isRecord(value) ? Object.keys(value) : [])

const parse = Schema.decodeOption(Schema.parseJson(Schema.Unknown))

export const ask = Effect.fnUntraced(function* (
  method: "GET" | "POST",
  path: string,
  payload?: unknown,
  headers: Record<string, string> = {}
) {
  const http = yield* HttpClient.HttpClient
  const url = path.startsWith("http") ? path : base + path
  const request = HttpClientRequest.make(method)(url).pipe(
    HttpClientRequest.setHeaders(headers),
    payload === undefined
      ? (same) => same
      : typeof payload === "string"
        ? HttpClientRequest.bodyText(payload, "application/json")
        : HttpClientRequest.bodyUnsafeJson(payload)
  )
  const response = yield* http.execute(request)
  const text = yield* response.text
  const body = Option.getOrElse(parse(text), () => text)
  const answer: Answer = {
    status: response.status,
    headers: response.headers,
    text,
    body,
    at: (path) => atPath(body, path),
    textAt: (path) => String(atPath(body, path))
  }
  return answer
})

export const get = (path: string, headers?: Record<string, string>) => ask("GET", path, undefined, headers)

export const post = (path: string, body: unknown, headers?: Record<string, string>) => ask("POST", path, body, headers)

export interface Event {
  readonly event: string | undefined
  readonly data: unknown
  readonly at: At
}

/** The events of a stream that has been read to its end; `[DONE]` stays a string. */
export const eventsOf = (text: string): ReadonlyArray<Event> =>
  text
    .split(/\r?\n\r?\n/)
    .map((block) => block.split(/\r?\n/))
    .filter((lines) => lines.some((line) => line.startsWith("data: ")))
    .map((lines) => {
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const text = field("data") ?? ""
      const data = Option.getOrElse(parse(text), () => text)
      return { event: field("event"), data, at: (path: string) => atPath(data, path) }
    })

export const hello = [{ role: "user", content: "Hi" }]

export const chat = (model: string, more: object = {}) =>
  post("/v1/chat/completions", { model, messages: hello, ...more })

export interface Ran {
  readonly out: string
  readonly err: string
  readonly code: number
}

export const run = (command: Command.Command) =>
  Effect.scoped(
    Effect.gen(function* () {
      const executor = yield* CommandExecutor.CommandExecutor
      const process = yield* executor.start(command)
      const text = (stream: typeof process.stdout) => stream.pipe(Stream.decodeText(), Stream.mkString)
      const [out, err, code] = yield* Effect.all([text(process.stdout), text(process.stderr), process.exitCode], {
        concurrency: "unbounded"
      })
      const ran: Ran = { out, err, code }
      return ran
    })
  )

/** `lms` with a closed standard input, as it should be run. */
export const lms = (...argv: ReadonlyArray<string>) => run(Command.make("lms", ...argv).pipe(Command.feed("")))

/** Starts it in the background: the test moves the clock and joins. */
export const background = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R> => Effect.fork(effect)
