/** `LmStudioApi` over several hosts: a request goes to the host on which its model is held, or in memory. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import type { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import { LmStudioUnreachable, type ApiError } from "../../lmstudio/LmStudioError.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"
import { asked, type Host } from "./Hosts.ts"
import { union } from "./HostedLifecycle.ts"
import type { HostUse } from "./HostUse.ts"

type Api = Context.Tag.Service<LmStudioApi>

export const make = (hosts: ReadonlyArray<Host>, use: HostUse): Api => {
  const looks = Effect.flatMap(asked(hosts), (mayBe) =>
    Effect.forEach(mayBe, (host) => Effect.map(Effect.either(host.look), (seen) => ({ host, seen })), {
      concurrency: "unbounded"
    })
  )
  const up = Effect.flatMap(looks, (all): Effect.Effect<ReadonlyArray<Host>, ApiError> => {
    const answering = all.flatMap(({ host, seen }) => (Either.isRight(seen) ? [host] : []))
    if (answering.length > 0) return Effect.succeed(answering)
    const [failure] = all.flatMap(({ seen }) => (Either.isLeft(seen) ? [seen.left] : []))
    return Effect.fail(failure ?? new LmStudioUnreachable({ baseUrl: "no host", reason: "Refused" }))
  })
  /** Any that answers. */
  const any = <A>(ask: (api: Api) => Effect.Effect<A, ApiError>): Effect.Effect<A, ApiError> =>
    Effect.flatMap(up, ([first, ...others]) =>
      first === undefined
        ? Effect.die("a host that answers")
        : Effect.firstSuccessOf([first, ...others].map(({ api }) => ask(api)))
    )

  const hostOf = Effect.fnUntraced(function* (model: string) {
    const answering = yield* up
    const held = use.holdersOf(model).flatMap((name) => answering.filter((host) => host.name === name))
    const listed = yield* Effect.forEach(answering, (host) =>
      Effect.map(
        Effect.orElseSucceed(host.look, () => []),
        (models) => ({ host, found: ModelName.find(models, model) })
      )
    )
    const having = listed.filter(({ found }) => found !== undefined)
    const inMemory = having.find(({ found }) => (found?.model.instances.length ?? 0) > 0)
    return (held[0] ?? inMemory?.host ?? having[0]?.host ?? answering[0] ?? hosts[0])?.api
  })
  const at = <A>(model: string, ask: (api: Api) => Effect.Effect<A, ApiError>): Effect.Effect<A, ApiError> =>
    Effect.flatMap(hostOf(model), (api) => (api === undefined ? Effect.die("there are hosts") : ask(api)))
  const streamAt = <A>(model: string, ask: (api: Api) => Stream.Stream<A, ApiError>): Stream.Stream<A, ApiError> =>
    Stream.unwrap(Effect.map(hostOf(model), (api) => (api === undefined ? Stream.die("there are hosts") : ask(api))))

  return {
    server: any((api) => api.server),
    ping: any((api) => api.ping),
    access: any((api) => api.access),
    models: Effect.flatMap(up, (answering) =>
      Effect.map(
        Effect.forEach(answering, (host) =>
          Effect.map(
            Effect.orElseSucceed(host.look, () => []),
            (models) => models.filter(({ key }) => host.serves(key))
          )
        ),
        union
      )
    ),
    chatStream: (request, limits) => streamAt(request.model, (api) => api.chatStream(request, limits)),
    nativeChatStream: (request, limits) => streamAt(request.model, (api) => api.nativeChatStream(request, limits)),
    chat: (request, limits) => at(request.model, (api) => api.chat(request, limits)),
    chatWith: (request, onEvent, limits) =>
      Effect.flatMap(hostOf(request.model), (api) =>
        api === undefined ? Effect.die("there are hosts") : api.chatWith(request, onEvent, limits)
      ),
    complete: (request, limits) => at(request.model, (api) => api.complete(request, limits)),
    embed: (request, limits) => at(request.model, (api) => api.embed(request, limits)),
    respond: (request, limits) => at(request.model, (api) => api.respond(request, limits)),
    load: (key, options) => at(key, (api) => api.load(key, options)),
    beginLoad: (key) => at(key, (api) => api.beginLoad(key)),
    rouse: (key) => at(key, (api) => api.rouse(key)),
    engine: (key) => at(key, (api) => api.engine(key)),
    places: any((api) => api.places),
    unload: (instanceId) => at(instanceId, (api) => api.unload(instanceId)),
    download: (model, quantization) => any((api) => api.download(model, quantization)),
    downloadStatus: (jobId) => any((api) => api.downloadStatus(jobId))
  }
}
