/**
 * The simulator's HTTP interface without sockets: routes, authentication, scripted faults, and the record of requests.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Operation, Outcome } from "../Faults.ts"
import * as Access from "./Access.ts"
import type { Handler } from "./Exchange.ts"
import * as AnthropicMessages from "./openai/AnthropicMessages.ts"
import * as ModelLists from "./ModelLists.ts"
import * as RouterModels from "./router/RouterModels.ts"
import * as NativeModels from "./native/NativeModels.ts"
import * as NativeChat from "./native/NativeChat.ts"
import * as OpenAiResponses from "./responses/OpenAiResponses.ts"
import * as OpenAiText from "./openai/OpenAiText.ts"
import * as OpenAiChat from "./openai/OpenAiChat.ts"
import type { Reply } from "./Reply.ts"
import { Cut, json, orFault, raw } from "./Reply.ts"
import type { Request, SeenRequest } from "../Recorder.ts"
import type { Settings } from "../Settings.ts"
import type { World } from "../World.ts"

/** The destination of a reply: a socket, or a client in the same process. */
export interface Responder {
  readonly head: (status: number, headers: Readonly<Record<string, string>>) => Effect.Effect<void>
  readonly write: (bytes: Uint8Array) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  /** Closes the connection in the middle of a reply. */
  readonly destroy: Effect.Effect<void>
  /** As if nothing were listening; an existing connection is reset. */
  readonly refuse: Effect.Effect<void>
}

/** Answers one request; interruption means that the client went away. */
export const serve = (world: World, request: Request, responder: Responder): Effect.Effect<void> =>
  Effect.gen(function* () {
    const settings = yield* world.state.settings
    const found = routeOf(settings, request)
    const amend = yield* world.recorder.request(found.operation, request)
    yield* world.logs.publish({
      type: "server.log",
      level: "info",
      content: `[LM STUDIO SERVER] Received request: ${request.method} to ${request.path} with body ${request.body}`
    })
    const outcome = yield* world.faults.next(found.operation)
    const answer = Effect.suspend(() =>
      orFault(
        Effect.zipRight(
          found.protected ? Access.check(settings, request) : Effect.void,
          settings.warmingUp && found.operation !== "GET /lmstudio-greeting"
            ? warmingUp
            : found.handler({ world, request, parameter: found.parameter })
        )
      )
    )
    const work = withOutcome(outcome, answer, noting(responder, amend))
    yield* Effect.raceFirst(work, Effect.zipRight(world.state.serverStopped, responder.destroy)).pipe(
      Effect.onInterrupt(() => amend({ disconnected: true })),
      Effect.zipRight(amend({ finished: true }))
    )
  })

/** Answers on the status port, which is open whenever LM Studio runs. */
export const serveStatus = (world: World, request: Request, responder: Responder): Effect.Effect<void> =>
  Effect.gen(function* () {
    const known = request.method === "GET" && pathOf(request) === "/lms-status"
    const operation: Operation = known ? "GET /lms-status" : "unknown route"
    const amend = yield* world.recorder.request(operation, request)
    const outcome = yield* world.faults.next(operation)
    const { appRunning, appVersion, gui } = yield* world.state.settings
    if (!appRunning) return yield* responder.refuse
    const answer = known
      ? Effect.succeed(json(200, { package: gui ? "lm-studio" : "llmster", version: appVersion }))
      : unknownRoute(world, request)
    yield* Effect.onInterrupt(withOutcome(outcome, answer, noting(responder, amend)), () =>
      amend({ disconnected: true })
    )
    yield* amend({ finished: true })
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Route {
  readonly operation: Operation
  readonly method: string
  readonly path: RegExp
  readonly handler: Handler
  readonly since: Settings["api"]
}

const route = (operation: Operation, since: Settings["api"], handler: Handler): Route => {
  const [method = "", path = ""] = operation.split(" ")
  const pattern = path.replace(/[.]/g, "\\.").replace(/:\w+/, "(.+)")
  return { operation, method, path: new RegExp(`^${pattern}$`), handler, since }
}

/** The routes of llama.cpp's router; it has none of the others. */
const routerRoutes: ReadonlyArray<Route> = [
  route("GET /v1/models", "llama-router", RouterModels.list),
  route("GET /models", "llama-router", RouterModels.list),
  route("POST /models/load", "llama-router", RouterModels.load),
  route("POST /models/unload", "llama-router", RouterModels.unload),
  route("GET /props", "llama-router", RouterModels.properties),
  route("GET /slots", "llama-router", RouterModels.slots),
  route("POST /v1/chat/completions", "llama-router", OpenAiChat.chatCompletions),
  route("POST /v1/completions", "llama-router", OpenAiText.completions),
  route("POST /v1/embeddings", "llama-router", OpenAiText.embeddings)
]

const routes: ReadonlyArray<Route> = [
  route("GET /lmstudio-greeting", "legacy-v0", () => Effect.succeed(json(200, { lmstudio: true }))),
  route("GET /api/v1/models", "native-v1", ModelLists.nativeModels),
  route("POST /api/v1/models/load", "native-v1", NativeModels.load),
  route("POST /api/v1/models/unload", "native-v1", NativeModels.unload),
  route("POST /api/v1/models/download", "native-v1", NativeModels.download),
  route("GET /api/v1/models/download/status/:job_id", "native-v1", NativeModels.downloadStatus),
  route("POST /api/v1/chat", "native-v1", NativeChat.nativeChat),
  route("GET /api/v0/models", "legacy-v0", ModelLists.legacyModels),
  route("GET /api/v0/models/:model", "legacy-v0", ModelLists.legacyModel),
  route("POST /api/v0/chat/completions", "legacy-v0", OpenAiChat.legacyChatCompletions),
  route("POST /api/v0/completions", "legacy-v0", OpenAiText.legacyCompletions),
  route("POST /api/v0/embeddings", "legacy-v0", OpenAiText.embeddings),
  route("GET /v1/models", "openai-only", ModelLists.openAiModels),
  route("POST /v1/chat/completions", "openai-only", OpenAiChat.chatCompletions),
  route("POST /v1/completions", "openai-only", OpenAiText.completions),
  route("POST /v1/embeddings", "openai-only", OpenAiText.embeddings),
  route("POST /v1/responses", "legacy-v0", OpenAiResponses.responses),
  route("POST /v1/messages", "native-v1", AnthropicMessages.messages)
]

const ages: Readonly<Record<Settings["api"], number>> = {
  "openai-only": 0,
  "legacy-v0": 1,
  "native-v1": 2,
  "llama-router": 3
}

interface Found {
  readonly operation: Operation
  readonly handler: Handler
  readonly parameter: string
  readonly protected: boolean
}

const pathOf = (request: Request): string => request.path.replace(/\?.*$/, "")

const routeOf = (settings: Settings, request: Request): Found => {
  const path = pathOf(request)
  for (const candidate of settings.api === "llama-router" ? routerRoutes : routes) {
    const match = candidate.method === request.method ? candidate.path.exec(path) : null
    if (match !== null && ages[candidate.since] <= ages[settings.api]) {
      return {
        operation: candidate.operation,
        handler: candidate.handler,
        parameter: decoded(match[1] ?? ""),
        protected: candidate.operation !== "GET /lmstudio-greeting"
      }
    }
  }
  return {
    operation: "unknown route",
    handler: ({ world }) =>
      (settings.api === "openai-only" || settings.api === "llama-router" ? notFound : unknownRoute)(world, request),
    parameter: "",
    protected: false
  }
}

// A stray percent sign must not become a fault of ours.
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const unknownRoute = (world: World, { method, path }: Request): Effect.Effect<Reply> =>
  Effect.as(
    world.recorder.unknownRoute(`${method} ${path}`),
    json(200, { error: `Unexpected endpoint or method. (${method} ${path})` })
  )

/** The answer of a plain OpenAI-compatible server that is not LM Studio. */
const notFound = (world: World, { method, path }: Request): Effect.Effect<Reply> =>
  Effect.as(
    world.recorder.unknownRoute(`${method} ${path}`),
    json(404, { error: { code: 404, message: "File Not Found", type: "not_found_error" } })
  )

const warmingUp = Effect.succeed(
  json(503, { error: { code: 503, message: "Loading model", type: "unavailable_error" } })
)

class Limit extends Schema.TaggedError<Limit>()("SimulatedLimit", {}) {
  readonly retryable = false
  override get message() {
    return "The scripted number of bytes has been written."
  }
}

const withOutcome = (outcome: Outcome, answer: Effect.Effect<Reply>, responder: Responder): Effect.Effect<void> => {
  switch (outcome._tag) {
    case "Hang":
    case "NeverExits":
    case "IgnoresSigterm":
      return Effect.never
    case "ConnectionRefused":
      return responder.refuse
    case "Reset":
    case "Exit":
      return responder.destroy
    case "HttpError":
      return send(
        typeof outcome.body === "string"
          ? raw(outcome.status, "text/html; charset=utf-8", outcome.body)
          : json(outcome.status, outcome.body),
        responder
      )
    case "Garbage":
      return send(raw(200, outcome.contentType ?? "application/json; charset=utf-8", outcome.body), responder)
    case "Slow":
      return Effect.zipRight(
        Effect.sleep(Duration.millis(outcome.ms)),
        Effect.flatMap(answer, (reply) => send(reply, responder))
      )
    case "DropReply":
      return Effect.zipRight(
        Effect.flatMap(answer, (reply) =>
          reply._tag === "Stream" ? Effect.ignore(Stream.runDrain(reply.body)) : Effect.void
        ),
        responder.destroy
      )
    case "Cut":
    case "Stall":
      return Effect.gen(function* () {
        const limited = yield* limitedTo(outcome.afterBytes, responder)
        const reply = yield* answer
        yield* pour(reply, limited).pipe(
          Effect.catchTag("SimulatedLimit", () => (outcome._tag === "Cut" ? responder.destroy : Effect.never))
        )
      })
    case "Ok":
      return Effect.flatMap(answer, (reply) => send(reply, responder))
  }
}

interface Pouring<E> {
  readonly head: Responder["head"]
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, E>
  readonly end: Effect.Effect<void, E>
  readonly destroy: Effect.Effect<void>
}

const send = (reply: Reply, responder: Responder): Effect.Effect<void> => pour(reply, responder)

const pour = <E>(reply: Reply, to: Pouring<E>): Effect.Effect<void, E> => {
  switch (reply._tag) {
    case "Cut":
      return to.destroy
    case "Body": {
      const bytes = new TextEncoder().encode(reply.body)
      return to
        .head(reply.status, headersOf(reply.contentType, { "content-length": String(bytes.length) }))
        .pipe(Effect.zipRight(to.write(bytes)), Effect.zipRight(to.end))
    }
    case "Stream":
      return to.head(reply.status, headersOf(reply.contentType, { "cache-control": "no-cache" })).pipe(
        Effect.zipRight(Stream.runForEach(reply.body, to.write)),
        Effect.zipRight(to.end),
        Effect.catchIf(Schema.is(Cut), () => to.destroy)
      )
  }
}

const headersOf = (contentType: string, extra: Readonly<Record<string, string>>) => ({
  "x-powered-by": "Express",
  "content-type": contentType,
  ...extra
})

// Exactly this many bytes of the body pass; with zero, the head still does.
const limitedTo = (bytes: number, responder: Responder) =>
  Effect.map(Ref.make(bytes), (left): Pouring<Limit> => ({
    head: responder.head,
    write: (chunk) =>
      Effect.flatMap(
        Ref.modify(left, (remaining) => [remaining, remaining - chunk.length] as const),
        (remaining) =>
          chunk.length < remaining
            ? responder.write(chunk)
            : Effect.zipRight(responder.write(chunk.subarray(0, Math.max(0, remaining))), new Limit())
      ),
    end: responder.end,
    destroy: responder.destroy
  }))

const noting = (responder: Responder, amend: (change: Partial<SeenRequest>) => Effect.Effect<void>): Responder => ({
  ...responder,
  head: (status, headers) => Effect.zipRight(amend({ status }), responder.head(status, headers))
})
