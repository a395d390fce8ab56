/** `--host`: a command about one of several hosts. */
import * as Options from "@effect/cli/Options"
import { Hosts, OnlyHost, sameHost } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { UsageError } from "../ExitCode.ts"

export const option: Options.Options<Option.Option<string>> = Options.text("host").pipe(
  Options.withDescription("Only of this host, where your settings name several."),
  Options.withPseudoName("NAME"),
  Options.optional
)

export const on = (host: Option.Option<string>) =>
  Effect.fnUntraced(function* <A, E, R>(self: Effect.Effect<A, E, R>) {
    if (Option.isNone(host)) return yield* self
    const names = (yield* Hosts).map(({ name }) => name)
    if (!names.some((name) => sameHost(name, host.value))) {
      const known = names.length === 0 ? "your settings name no hosts" : `there are ${names.join(", ")}`
      return yield* new UsageError({ problem: `There is no host "${host.value}": ${known}.` })
    }
    return yield* Effect.provideService(self, OnlyHost, host)
  })

/** The hosts that have each model, by its key; empty without hosts. */
export const havingModels = Effect.gen(function* () {
  const hosts = yield* Hosts
  const only = yield* OnlyHost
  const all = yield* Effect.forEach(
    hosts.filter(({ name }) => Option.match(only, { onNone: () => true, onSome: (one) => sameHost(one, name) })),
    ({ look, name, serves }) =>
      Effect.match(look, {
        onFailure: () => [],
        onSuccess: (models) => models.flatMap(({ key }) => (serves(key) ? [{ key, name }] : []))
      }),
    { concurrency: "unbounded" }
  )
  const byKey = new Map<string, ReadonlyArray<string>>()
  for (const { key, name } of all.flat()) byKey.set(key, [...(byKey.get(key) ?? []), name])
  return byKey
})
