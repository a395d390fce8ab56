/** `LmStudioApi` over HTTP: the route of each operation, its time limits, and whether it may be repeated. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Ref from "effect/Ref"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Settings, type Values } from "../../configuration/Settings.ts"
import * as Attributes from "../../observability/Attributes.ts"
import { traced } from "../../observability/spanned.ts"
import * as Patience from "../../resilience/Patience.ts"
import { Resilience } from "../../resilience/Resilience.ts"
import type { ChatEvent, ChatRequest } from "../Chat.ts"
import type { LoadOptions, LoadStart } from "../ApiModel.ts"
import type {
  CompletionRequest,
  EmbeddingsRequest,
  NativeChatRequest,
  RequestLimits,
  ResponsesRequest
} from "../ApiRequests.ts"
import {
  ModelLoadFailed,
  ModelNotFound,
  RequestRejected,
  Unsupported,
  WrongModelAnswered,
  type ApiError,
  type LmStudioError
} from "../LmStudioError.ts"
import * as ModelMatch from "../ModelMatch.ts"
import * as Completions from "../wire/Completions.ts"
import * as Lifecycle from "../wire/Lifecycle.ts"
import * as Responses from "../wire/Responses.ts"
import * as RouterModels from "../wire/RouterModels.ts"
import * as Dialects from "./Dialects.ts"
import { exchange } from "./Exchange.ts"
import * as OpenChat from "./OpenChat.ts"
import * as Transport from "./Transport.ts"

export const make = Effect.gen(function* () {
  const settings = yield* Settings
  const resilience = yield* Resilience
  const transport = yield* Transport.make
  const limits = limitsOf(settings)
  const patience = Patience.policyOf(settings)
  const dialects = yield* Dialects.make(transport, limits)
  const ask = exchange(transport)
  const matched = yield* Ref.make<ReadonlySet<string>>(new Set())

  /** The list is looked at only when the names alone do not decide, and once per pair of names. */
  const checkModel = Effect.fnUntraced(function* (asked: string, answered: string) {
    if (answered === "" || ModelMatch.sameName(asked, answered)) return
    const pair = `${asked}\n${answered}`
    if ((yield* Ref.get(matched)).has(pair)) return
    const { isLmStudio } = yield* dialects.server
    const listed = yield* Effect.orElseSucceed(dialects.models, () => [])
    if (!ModelMatch.sameModel(asked, answered, listed, isLmStudio)) {
      return yield* new WrongModelAnswered({ asked, answered })
    }
    yield* Ref.update(matched, (pairs) => new Set([...pairs, pair]))
  })

  /** A request that a model works on: retried until something was delivered; the model that answered is checked. */
  const infer = Effect.fnUntraced(
    function* <A extends { readonly model: string }, B, I>(
      call: Pick<Transport.Call, "operation" | "path"> & { readonly body: Record<string, unknown> },
      model: string,
      asked: RequestLimits | undefined,
      schema: Schema.Schema<B, I>,
      from: (body: B, millis: number) => A
    ) {
      const startedAt = yield* Clock.currentTimeMillis
      const body = yield* ask({ ...call, method: "POST", limits: withAsked(limits.inference, asked), model }, schema)
      const reply = from(body, Math.max(0, (yield* Clock.currentTimeMillis) - startedAt))
      yield* checkModel(model, reply.model)
      return reply
    },
    (attempt, { operation }, model) =>
      Effect.zipRight(
        checkName(operation, model),
        attempt.pipe(Patience.whileLoading(patience), resilience.protect("http.inference"))
      )
  )

  /** For routes that only native v1 has. Never repeated: the work may have been done although the reply was lost. */
  const manage = Effect.fnUntraced(function* <A, I>(
    call: Omit<Transport.Call, "limits" | "method"> & { readonly model?: string | undefined },
    schema: Schema.Schema<A, I>,
    limit: Transport.Limits = limits.manage
  ) {
    const { dialect, isLmStudio } = yield* resilience.protect("http.read")(dialects.server)
    if (dialect !== "native-v1") {
      return yield* new Unsupported({ operation: call.operation, dialect, instead: insteadOf(isLmStudio) })
    }
    return yield* ask({ ...call, method: "POST", limits: limit }, schema).pipe(
      Patience.whileLoading(patience),
      resilience.guard("http.lifecycle")
    )
  })

  /** For the routes of llama.cpp's router. */
  const route = Effect.fnUntraced(function* <A, I>(
    call: Omit<Transport.Call, "limits"> & { readonly model?: string | undefined },
    schema: Schema.Schema<A, I>,
    limit: Transport.Limits = limits.manage
  ) {
    const { dialect, isLmStudio } = yield* resilience.protect("http.read")(dialects.server)
    if (dialect !== "llama-router") {
      return yield* new Unsupported({ operation: call.operation, dialect, instead: insteadOf(isLmStudio) })
    }
    return yield* ask({ ...call, limits: limit }, schema).pipe(
      Effect.mapError((error) => (error._tag === "Unsupported" ? new Unsupported({ ...error, dialect }) : error)),
      resilience.guard("http.lifecycle")
    )
  })

  /** Retried until there is something to deliver. Each event is handed to `onEvent` before the next one is read. */
  const delivered = <E>(
    asking: OpenChat.Asking,
    asked: RequestLimits | undefined,
    onEvent: (event: ChatEvent) => Effect.Effect<void, E>,
    tellLoading: Effect.Effect<unknown> = Effect.void
  ) =>
    Effect.zipRight(
      checkName("chat", asking.model),
      resilience.protectUntil("http.inference")((answered) => {
        let hasBegun = false
        const begun = Effect.suspend(() => {
          hasBegun = true
          return answered
        })
        const checked = (model: string) => checkModel(asking.model, model)
        const telling = { begun, checkModel: checked, onEvent }
        return OpenChat.chat(transport, asking, withAsked(limits.inference, asked), telling).pipe(
          Patience.whileLoading(patience, tellLoading, () => !hasBegun)
        )
      })
    )

  const streamed = (asking: OpenChat.Asking, asked: RequestLimits | undefined) =>
    Stream.unwrapScoped(
      Effect.gen(function* () {
        const events = yield* Mailbox.make<ChatEvent, ApiError>(1)
        yield* delivered(asking, asked, (event) => events.offer(event)).pipe(Mailbox.into(events), Effect.forkScoped)
        return Mailbox.toStream(events)
      })
    )

  const chatWith = <E>(
    request: ChatRequest,
    onEvent: (event: ChatEvent) => Effect.Effect<void, E>,
    asked?: RequestLimits
  ) =>
    // if the observer fails when it is told of the loading, it fails again at the next event, which ends the request
    delivered(OpenChat.completions(request), asked, onEvent, Effect.ignore(onEvent({ _tag: "ModelLoading" }))).pipe(
      traced(
        Attributes.chatSpan(request.model),
        { kind: "client", attributes: Attributes.ofRequest(request.model, transport.baseUrl) },
        (reply) =>
          Effect.all(
            [
              Attributes.annotate(Attributes.ofReply(reply)),
              Attributes.annotateContent("gen_ai.input.messages", () => request.messages),
              Attributes.annotateContent("gen_ai.output.messages", () => [reply.content, ...reply.toolCalls])
            ],
            { discard: true }
          )
      )
    )

  return {
    server: dialects.server.pipe(resilience.protect("http.read"), Effect.withSpan("LmStudioApi.server")),
    // neither retried nor refused by a breaker: its purpose is to find out whether the server answers
    ping: dialects.ping.pipe(Effect.withSpan("LmStudioApi.ping")),
    access: dialects.access.pipe(resilience.protect("http.read"), Effect.withSpan("LmStudioApi.access")),
    models: dialects.models.pipe(resilience.protect("http.read"), Effect.withSpan("LmStudioApi.models")),
    chatStream: (request: ChatRequest, asked?: RequestLimits) =>
      Stream.withSpan(streamed(OpenChat.completions(request), asked), "LmStudioApi.chatStream", {
        attributes: { model: request.model }
      }),
    nativeChatStream: (request: NativeChatRequest, asked?: RequestLimits) =>
      Stream.withSpan(streamed(OpenChat.native(request), asked), "LmStudioApi.nativeChatStream", {
        attributes: { model: request.model }
      }),
    chat: (request: ChatRequest, asked?: RequestLimits) => chatWith(request, () => Effect.void, asked),
    chatWith,
    complete: (request: CompletionRequest, asked?: RequestLimits) =>
      infer(
        { operation: "text completion", path: "/v1/completions", body: Completions.encodeCompletion(request) },
        request.model,
        asked,
        Completions.CompletionBody,
        Completions.fromCompletion
      ).pipe(Effect.withSpan("LmStudioApi.complete", { attributes: { model: request.model } })),
    embed: (request: EmbeddingsRequest, asked?: RequestLimits) =>
      infer(
        { operation: "embeddings", path: "/v1/embeddings", body: Completions.encodeEmbeddings(request) },
        request.model,
        asked,
        Completions.EmbeddingsBody,
        Completions.fromEmbeddings
      ).pipe(Effect.withSpan("LmStudioApi.embed", { attributes: { model: request.model } })),
    respond: (request: ResponsesRequest, asked?: RequestLimits) =>
      infer(
        { operation: "responses", path: "/v1/responses", body: Responses.encodeRequest(request) },
        request.model,
        asked,
        Responses.Body,
        Responses.fromBody
      ).pipe(Effect.withSpan("LmStudioApi.respond", { attributes: { model: request.model } })),
    load: (key: string, options: LoadOptions = {}) =>
      checkName("model load", key).pipe(
        Effect.zipRight(
          manage(
            {
              operation: "model load",
              path: "/api/v1/models/load",
              body: Lifecycle.encodeLoad(key, options),
              model: key
            },
            Lifecycle.Loaded,
            limits.load
          )
        ),
        Effect.catchTag("RequestTimeout", ({ limit }) =>
          Effect.fail(
            new ModelLoadFailed({
              model: key,
              reason: "Timeout",
              serverMessage: `no reply within ${Duration.format(limit)}`
            })
          )
        ),
        Effect.map(Lifecycle.fromLoaded),
        Effect.withSpan("LmStudioApi.load", { attributes: { model: key } })
      ),
    beginLoad: (key: string) =>
      route(
        { operation: "model load", method: "POST", path: "/models/load", body: { model: key }, model: key },
        RouterModels.Accepted
      ).pipe(
        Effect.as<LoadStart>("begun"),
        Effect.catchTags({
          RequestRejected: (error): Effect.Effect<LoadStart, LmStudioError> =>
            /already running/i.test(error.serverMessage) ? Effect.succeed("running before") : error,
          // it says of an unknown model what it says of an unknown route
          Unsupported: (error) =>
            error.dialect === "llama-router"
              ? new ModelNotFound({ model: key, available: [], nearest: [], serverMessage: error.message })
              : error
        }),
        Effect.withSpan("LmStudioApi.beginLoad", { attributes: { model: key } })
      ),
    rouse: (key: string) =>
      route(
        {
          operation: "model state",
          method: "GET",
          path: `/slots?model=${encodeURIComponent(key)}&autoload=false`,
          model: key
        },
        RouterModels.Slots,
        limits.load
      ).pipe(
        Effect.map((slots) => ({ busy: slots.some(({ is_processing }) => is_processing === true) })),
        // a server that was started without this route
        Effect.catchTag("ServerFault", "RequestRejected", () => Effect.succeed({ busy: undefined })),
        Effect.withSpan("LmStudioApi.rouse", { attributes: { model: key } })
      ),
    engine: (key: string) =>
      Effect.flatMap(dialects.server.pipe(resilience.protect("http.read")), ({ dialect, isLmStudio }) =>
        isLmStudio
          ? Effect.succeed({})
          : ask(
              {
                operation: "properties",
                method: "GET",
                path: dialect === "llama-router" ? `/props?model=${encodeURIComponent(key)}&autoload=false` : "/props",
                limits: limits.look
              },
              RouterModels.ModelProps
            ).pipe(
              Effect.map(RouterModels.engineOf),
              // another server has no such route
              Effect.orElseSucceed(() => ({}))
            )
      ).pipe(Effect.withSpan("LmStudioApi.engine", { attributes: { model: key } })),
    places: route(
      { operation: "properties", method: "GET", path: "/props" },
      RouterModels.RouterProps,
      limits.look
    ).pipe(Effect.map(RouterModels.fromProps), Effect.withSpan("LmStudioApi.places")),
    unload: (instanceId: string) =>
      Effect.flatMap(
        dialects.server.pipe(resilience.protect("http.read")),
        ({ dialect }): Effect.Effect<unknown, ApiError> =>
          dialect === "llama-router"
            ? route(
                {
                  operation: "model unload",
                  method: "POST",
                  path: "/models/unload",
                  body: { model: instanceId },
                  model: instanceId
                },
                RouterModels.Accepted
              )
            : manage(
                {
                  operation: "model unload",
                  path: "/api/v1/models/unload",
                  body: { instance_id: instanceId },
                  model: instanceId
                },
                Lifecycle.Unloaded
              )
      ).pipe(Effect.asVoid, Effect.withSpan("LmStudioApi.unload", { attributes: { instance: instanceId } })),
    download: (model: string, quantization?: string) =>
      manage(
        {
          operation: "download",
          path: "/api/v1/models/download",
          body: Lifecycle.encodeDownload(model, quantization),
          model
        },
        Lifecycle.Download
      ).pipe(Effect.map(Lifecycle.fromDownload), Effect.withSpan("LmStudioApi.download", { attributes: { model } })),
    downloadStatus: (jobId: string) =>
      ask(
        {
          operation: "download status",
          method: "GET",
          path: `/api/v1/models/download/status/${encodeURIComponent(jobId)}`,
          limits: limits.look
        },
        Lifecycle.Download
      ).pipe(
        resilience.protect("http.read"),
        Effect.map(Lifecycle.fromDownload),
        Effect.withSpan("LmStudioApi.downloadStatus")
      )
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const limitsOf = (settings: Values) => {
  const inference: Transport.Limits = {
    connect: settings.connectTimeout,
    firstByte: settings.firstByteTimeout,
    betweenBytes: settings.idleTimeout,
    total: settings.requestTimeout
  }
  const all = (limit: Duration.Duration): Transport.Limits => ({
    ...inference,
    firstByte: limit,
    betweenBytes: limit,
    total: limit
  })
  return {
    inference,
    enquiry: all(settings.connectTimeout),
    look: all(settings.lookTimeout),
    manage: all(settings.idleTimeout),
    load: all(settings.loadTimeout)
  }
}

const withAsked = (limits: Transport.Limits, asked: RequestLimits = {}): Transport.Limits => ({
  connect: asked.connect === undefined ? limits.connect : Duration.decode(asked.connect),
  firstByte: asked.firstByte === undefined ? limits.firstByte : Duration.decode(asked.firstByte),
  betweenBytes: asked.betweenBytes === undefined ? limits.betweenBytes : Duration.decode(asked.betweenBytes),
  total: asked.total === undefined ? limits.total : Duration.decode(asked.total)
})

/** LM Studio has no model `default` (contract C4); if it were sent, whichever model is loaded would answer. */
const checkName = (operation: string, model: string): Effect.Effect<void, LmStudioError> =>
  model.trim() === "" || model.trim().toLowerCase() === "default"
    ? new RequestRejected({
        operation,
        code: "not_sent",
        param: "model",
        serverMessage: `"${model}" is not the name of a model. Resolve it to a model key first; \`lms-bridge models ls\` lists them.`
      })
    : Effect.void

const insteadOf = (isLmStudio: boolean) =>
  isLmStudio
    ? "Update LM Studio to 0.4 or newer, or let lms-bridge use the `lms` command (LMS_BRIDGE_LMS_BINARY)."
    : "Load and unload models where that server runs; the models that it lists can be used."
