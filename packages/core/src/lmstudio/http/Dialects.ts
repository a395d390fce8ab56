/** Which dialect a server speaks, found out once. An unknown route answers 200 (contract 0.1), so bodies decide. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as SynchronizedRef from "effect/SynchronizedRef"
import type { Access, ApiModel, Dialect, ServerInfo } from "../ApiModel.ts"
import { LmStudioUnreachable, ReplyMalformed, type LmStudioError } from "../LmStudioError.ts"
import { isGone, isLoading } from "../../resilience/Patience.ts"
import * as ModelLists from "../wire/ModelLists.ts"
import * as RouterModels from "../wire/RouterModels.ts"
import { listOf, open } from "../../schema/Fields.ts"
import { exchange, read } from "./Exchange.ts"
import type { Limits, Transport } from "./Transport.ts"

export interface Dialects {
  /** Cached; a failure is not. Concurrent callers share one discovery, and no caller can interrupt it. */
  readonly server: Effect.Effect<ServerInfo, LmStudioError>
  /** One request when the dialect is known. */
  readonly models: Effect.Effect<ReadonlyArray<ApiModel>, LmStudioError>
  /** Gets the list and, if there is a token, gets it once more without the token. */
  readonly access: Effect.Effect<Access, LmStudioError>
  /** The greeting, else the model list; a failure is neither retried nor cached. */
  readonly ping: Effect.Effect<ServerInfo, LmStudioError>
}

/** `enquiry` are the limits of the first contact, `look` those of a request to a known server. */
export const make = Effect.fnUntraced(function* (
  transport: Transport,
  limits: { readonly enquiry: Limits; readonly look: Limits }
) {
  const scope = yield* Effect.scope
  const known = yield* Ref.make(Option.none<ServerInfo>())
  const enquiry = yield* SynchronizedRef.make(Option.none<Fiber.Fiber<ServerInfo, LmStudioError>>())

  const get = (path: string) =>
    transport.text({ operation: "model list", method: "GET", path, limits: limits.enquiry }).pipe(
      // no server has answered yet, so a timeout means that there is none
      Effect.catchTag("RequestTimeout", () =>
        Effect.fail(new LmStudioUnreachable({ baseUrl: transport.baseUrl, reason: "Timeout" }))
      )
    )

  const greets = get("/lmstudio-greeting").pipe(
    Effect.map(({ status, text }) => Either.isRight(read(transport, greeting, status, text, Greeting)))
  )

  /** Its list says of each model whether it runs. An empty list says nothing, so the router is asked what it is. */
  const isRouter = (list: string) => {
    const rows = read(transport, { operation: "model list" }, 200, list, RouterModels.RouterList)
    if (Either.isLeft(rows)) return Effect.succeed(false)
    if (rows.right.data.length > 0) return Effect.succeed(true)
    return Effect.map(get("/props"), ({ status, text }) =>
      Either.isRight(read(transport, { operation: "properties" }, status, text, RouterModels.RouterProps))
    )
  }

  const discover: Effect.Effect<ServerInfo, LmStudioError> = Effect.gen(function* () {
    for (const dialect of dialects) {
      const { status, text } = yield* get(ModelLists.paths[dialect])
      const found = readList(transport, dialect, status, text)
      if (Either.isRight(found)) {
        if (dialect === "openai" && (yield* isRouter(text))) {
          return { baseUrl: transport.baseUrl, dialect: "llama-router" as const, isLmStudio: false }
        }
        const isLmStudio = dialect !== "openai" || (yield* greets)
        return { baseUrl: transport.baseUrl, dialect, isLmStudio }
      }
      if (found.left._tag === "Unauthorized" || isLoading(found.left) || isGone(found.left)) return yield* found.left
    }
    return yield* new LmStudioUnreachable({ baseUrl: transport.baseUrl, reason: "NotLmStudio" })
  }).pipe(
    Effect.tap((info) => Effect.zipRight(Ref.set(known, Option.some(info)), Effect.logDebug("server found", info)))
  )

  const server = Effect.flatMap(
    Ref.get(known),
    Option.match({
      onSome: Effect.succeed,
      onNone: () =>
        SynchronizedRef.modifyEffect(enquiry, (running) =>
          Effect.gen(function* () {
            if (Option.isSome(running) && Option.isNone(yield* Fiber.poll(running.value))) {
              return [running.value, running] as const
            }
            const fiber = yield* Effect.forkIn(Effect.interruptible(discover), scope)
            return [fiber, Option.some(fiber)] as const
          })
        ).pipe(Effect.flatMap(outcomeOf))
    })
  )

  const list = (dialect: Dialect, anonymous = false): Effect.Effect<ReadonlyArray<ApiModel>, LmStudioError> => {
    const call = {
      operation: "model list",
      method: "GET",
      path: ModelLists.paths[dialect],
      limits: limits.look,
      anonymous
    } as const
    switch (dialect) {
      case "native-v1":
        return Effect.map(exchange(transport)(call, ModelLists.NativeList), ModelLists.fromNative)
      case "legacy-v0":
        return Effect.map(exchange(transport)(call, ModelLists.LegacyList), ModelLists.fromLegacy)
      case "openai":
        return Effect.flatMap(exchange(transport)(call, ModelLists.OpenAiList), (rows) =>
          rows.data.some(({ status }) => status !== undefined)
            ? new ReplyMalformed({ operation: call.operation, detail: "it is now the list of llama.cpp's router" })
            : Effect.succeed(ModelLists.fromOpenAi(rows))
        )
      case "llama-router":
        return Effect.map(exchange(transport)(call, RouterModels.RouterList), RouterModels.fromRouter)
    }
  }

  const models = Effect.flatMap(server, ({ dialect }) => list(dialect)).pipe(
    // by now, another server or another version answers there
    Effect.catchTags({
      Unsupported: () => again,
      ReplyMalformed: () => again
    })
  )
  const again = Effect.zipRight(
    Ref.set(known, Option.none()),
    Effect.flatMap(server, ({ dialect }) => list(dialect))
  )

  const access = Effect.flatMap(server, ({ dialect }) =>
    Effect.zipRight(
      list(dialect),
      transport.hasToken
        ? list(dialect, true).pipe(
            Effect.as<Access>("open"),
            Effect.catchTag("Unauthorized", () => Effect.succeed<Access>("token"))
          )
        : Effect.succeed<Access>("open")
    )
  )

  const ping = Effect.flatMap(
    Ref.get(known),
    Option.match({
      onNone: () => server,
      onSome: (info) =>
        info.isLmStudio
          ? Effect.if(greets, { onTrue: () => Effect.succeed(info), onFalse: () => Effect.as(models, info) })
          : Effect.as(list(info.dialect), info)
    })
  )

  const made: Dialects = { server, models, access, ping }
  return made
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Whoever joins a fiber takes over from the one who started it: its run and request in the log, and its turn. */
const outcomeOf = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> => Effect.flatten(Fiber.await(fiber))

/** `llama-router` is found out from the list of `openai`. */
const dialects = ["native-v1", "legacy-v0", "openai"] as const satisfies ReadonlyArray<Dialect>

const greeting = { operation: "greeting" }

const Greeting = Schema.Struct({ lmstudio: Schema.Literal(true) })

const readList = (
  transport: Transport,
  dialect: (typeof dialects)[number],
  status: number,
  text: string
): Either.Either<unknown, LmStudioError> => {
  const call = { operation: "model list" }
  switch (dialect) {
    case "native-v1":
      return read(transport, call, status, text, ModelLists.NativeList)
    case "legacy-v0":
      return read(transport, call, status, text, LegacyRows)
    case "openai":
      return read(transport, call, status, text, ModelLists.OpenAiList)
  }
}

/** Rows of v0 include the kind of the model; other servers answer this path with OpenAI's rows. */
const LegacyRows = Schema.Struct({
  data: listOf(Schema.Struct({ id: Schema.String, type: Schema.String, state: open(Schema.String) }))
})
