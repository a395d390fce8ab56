/** Several LM Studios: each with services of its own, and what was last seen of it. */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type { HostEntry } from "../../configuration/HostSetting.ts"
import { baseUrl, Settings, type Values } from "../../configuration/Settings.ts"
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import { LmStudioUnreachable, Unauthorized, type ApiError } from "../../lmstudio/LmStudioError.ts"
import { LmsCli } from "../../lmstudio/LmsCli.ts"
import { namePattern } from "../../names/namePattern.ts"
import { Resilience } from "../../resilience/Resilience.ts"
import { ModelLifecycle } from "../ModelLifecycle.ts"

/** How long a look at a host may take, and how long what it showed is used; longer for one that did not answer. */
export const lookFor = Duration.seconds(3)
export const freshFor = Duration.seconds(1)
export const downFor = Duration.seconds(5)

export interface Host extends HostEntry {
  readonly services: Context.Context<LmStudioApi | LmsCli | ModelLifecycle | Resilience | Settings>
  readonly api: Context.Tag.Service<LmStudioApi>
  readonly lifecycle: Context.Tag.Service<ModelLifecycle>
  readonly resilience: Context.Tag.Service<Resilience>
  /** Its models, as seen within the last moments; fails at once while it is left out because it did not answer. */
  readonly look: Effect.Effect<ReadonlyArray<ApiModel>, ApiError>
  /** A call to it failed because of the host: it is left out for a while. */
  readonly leaveOut: (why: ApiError) => Effect.Effect<void>
  readonly serves: (key: string) => boolean
}

/** The hosts of the settings; none unless there are some. */
export class Hosts extends Context.Reference<Hosts>()("@lms-bridge/core/models/Hosts", {
  defaultValue: (): ReadonlyArray<Host> => []
}) {}

/** Only the host of this name is asked; for commands that name one. */
export class OnlyHost extends Context.Reference<OnlyHost>()("@lms-bridge/core/models/OnlyHost", {
  defaultValue: (): Option.Option<string> => Option.none()
}) {}

/** Those that may be asked now. */
export const asked = (hosts: ReadonlyArray<Host>) =>
  Effect.map(OnlyHost, (only) =>
    hosts.filter(({ name }) => Option.match(only, { onNone: () => true, onSome: (one) => sameHost(one, name) }))
  )

export const sameHost = (left: string, right: string) => left.toLowerCase() === right.toLowerCase()

/** Builds the services of each host, in the scope. */
export const make = Effect.gen(function* () {
  const settings = yield* Settings
  return yield* Effect.forEach(settings.hosts, (entry) => makeHost(settings, entry))
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** `lms` belongs to the LM Studio of this machine's settings; every other host is used over HTTP alone. */
const settingsOf = (settings: Values, entry: HostEntry, token: Option.Option<Redacted.Redacted>): Values => {
  const own = baseUrl(settings) === entry.url
  return {
    ...settings,
    baseUrl: Option.some(entry.url),
    apiToken: Option.orElse(token, () => (own ? settings.apiToken : Option.none())),
    lmsBinary: own ? settings.lmsBinary : Option.some("none"),
    autostart: own && settings.autostart,
    defaultModel: Option.none(),
    aliases: new Map(),
    hosts: [],
    // another host is asked instead
    comebackTimeout: Duration.zero,
    retries: Math.min(settings.retries, 1)
  }
}

const services = ModelLifecycle.layer.pipe(
  Layer.provideMerge(Layer.merge(LmStudioApi.layer, LmsCli.layer)),
  Layer.provideMerge(Resilience.layer)
)

const makeHost = Effect.fnUntraced(function* (settings: Values, entry: HostEntry) {
  const token = yield* Option.match(entry.tokenFrom, {
    onNone: () => Effect.succeed(Option.none<string>()),
    onSome: (variable) =>
      Effect.map(
        Effect.option(Config.string(variable)),
        Option.filter((text) => text.trim() !== "")
      )
  })
  const own = settingsOf(
    settings,
    entry,
    Option.map(token, (text) => Redacted.make(text.trim()))
  )
  const context = yield* Layer.build(Layer.fresh(services).pipe(Layer.provideMerge(Layer.succeed(Settings, own))))
  const api = Context.get(context, LmStudioApi)
  const patterns = entry.models.map(namePattern)
  const last = yield* Ref.make<{
    readonly at: number
    readonly seen: Either.Either<ReadonlyArray<ApiModel>, ApiError>
  }>({
    at: Number.NEGATIVE_INFINITY,
    seen: Either.right([])
  })
  const oneAtATime = yield* Effect.makeSemaphore(1)
  const keep = (seen: Either.Either<ReadonlyArray<ApiModel>, ApiError>) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) => Ref.set(last, { at, seen }))
  const unset = Option.filter(entry.tokenFrom, () => Option.isNone(token))

  const fresh: Effect.Effect<ReadonlyArray<ApiModel>, ApiError> = Option.match(unset, {
    onNone: () =>
      api.models.pipe(
        Effect.disconnect,
        Effect.timeoutFail({
          duration: lookFor,
          onTimeout: () => new LmStudioUnreachable({ baseUrl: entry.url, reason: "Timeout" })
        })
      ),
    onSome: (variable) =>
      Effect.fail(
        new Unauthorized({ reason: "Malformed", serverMessage: `${variable}, which is to have its token, is not set.` })
      )
  })

  const look = Effect.gen(function* () {
    const { at, seen } = yield* Ref.get(last)
    const now = yield* Clock.currentTimeMillis
    if (now - at < Duration.toMillis(Either.isRight(seen) ? freshFor : downFor)) return yield* seen
    const found = yield* Effect.either(fresh)
    const wasUp = Either.isRight(seen) && at > 0
    if (Either.isLeft(found) && wasUp) {
      yield* Effect.logWarning("a host is left out", { host: entry.name, error: found.left.message })
    }
    if (Either.isRight(found) && Either.isLeft(seen)) yield* Effect.logInfo("a host is back", { host: entry.name })
    yield* keep(found)
    return yield* found
  }).pipe(oneAtATime.withPermits(1))

  const host: Host = {
    ...entry,
    services: context,
    api,
    lifecycle: Context.get(context, ModelLifecycle),
    resilience: Context.get(context, Resilience),
    look,
    leaveOut: (why) =>
      Effect.zipRight(
        Effect.logWarning("a host is left out", { host: entry.name, error: why.message }),
        keep(Either.left(why))
      ),
    serves: (key) => patterns.some((pattern) => pattern.test(key))
  }
  return host
})
