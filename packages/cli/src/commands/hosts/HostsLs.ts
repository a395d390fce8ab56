/**
 * `hosts ls`: the LM Studios of the settings, whether each answers, and what is in its memory.
 */
import * as Command from "@effect/cli/Command"
import { type Host, Hosts } from "@lms-bridge/core/ModelLifecycle"
import { LmStudioApi, productOf } from "@lms-bridge/core/LmStudioApi"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { CurrentShared } from "../../SharedRuns.ts"
import * as WorkerList from "../cluster/WorkerList.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Table from "../../views/Table.ts"

const HostReport = Schema.Struct({
  name: Schema.String,
  url: Schema.String,
  /** `linked`: a device of LM Link, whose models `lms` lists; lms-bridge loads none there. */
  state: Schema.Literal("up", "down", "linked"),
  /** Why it is left out. */
  problem: Schema.optionalWith(Schema.String, { exact: true }),
  /** What answers. */
  server: Schema.optionalWith(Schema.String, { exact: true }),
  weight: Schema.Number,
  serves: Schema.Array(Schema.String),
  models: Schema.Int,
  loaded: Schema.Array(Schema.String),
  breakers: Schema.Array(Schema.Struct({ name: Schema.String, state: Schema.String }))
})
export type HostReport = typeof HostReport.Type

export const command = Command.make("ls", { json: SharedOptions.listingJson }).pipe(
  Command.withDescription(
    "List the hosts of your settings, or the machines of a database: which answer, and what is in their memory."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json }) {
      const screen = yield* Screen
      const shared = yield* CurrentShared
      if (Option.isSome(shared)) return yield* WorkerList.show(shared.value, json)
      const hosts = yield* Hosts
      const [own, linked] = yield* Effect.all(
        [Effect.forEach(hosts, reportOf, { concurrency: "unbounded" }), linkedDevices],
        { concurrency: 2 }
      )
      const reports = [...own, ...linked]
      if (json) return yield* screen.out(encode(reports))
      if (reports.length > 0) return yield* screen.out(render(reports, screen.columns))
      yield* screen.err(
        "Your settings name no hosts, so the one LM Studio is used; docs/models.md says how to name several."
      )
    })
  )
)

export const render = (reports: ReadonlyArray<HostReport>, columns?: number): string =>
  [
    Table.render(
      ["HOST", "STATE", "ADDRESS", "SERVER", "WEIGHT", "SERVES", "MODELS", "LOADED", "BREAKERS"],
      reports.map(({ breakers, loaded, models, name, server, serves, state, url, weight }) => [
        name,
        state,
        url,
        server ?? "",
        weight === 1 ? "" : String(weight),
        serves.join(", ") === "*" ? "" : serves.join(", "),
        state === "down" ? "" : String(models),
        loaded.join(", "),
        breakers
          .filter((breaker) => breaker.state !== "Closed")
          .map((breaker) => breaker.name)
          .join(", ")
      ]),
      columns
    ),
    ...reports.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]))
  ].join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const reportOf = Effect.fnUntraced(function* (host: Host) {
  const seen = yield* Effect.either(host.look)
  const server = Either.isRight(seen) ? yield* Effect.option(host.api.server) : undefined
  const breakers = yield* host.resilience.breakers
  const served = Either.isRight(seen) ? seen.right.filter(({ key }) => host.serves(key)) : []
  const report: HostReport = {
    name: host.name,
    url: host.url,
    state: Either.isRight(seen) ? "up" : "down",
    ...(Either.isLeft(seen) ? { problem: seen.left.message } : {}),
    ...(server?._tag === "Some" ? { server: productOf(server.value) } : {}),
    weight: host.weight,
    serves: host.models,
    models: served.length,
    loaded: served.flatMap(({ instances }) => instances.map(({ id }) => id)),
    breakers: breakers.map(({ name, state }) => ({ name, state: state._tag }))
  }
  return report
})

/** `lms` is asked only when LM Studio answers, because it would start it. */
const linkedDevices = Effect.gen(function* () {
  yield* Effect.flatMap(LmStudioApi, (api) => api.ping)
  const lms = yield* LmsCli
  const [disk, memory] = yield* Effect.all([lms.ls, lms.ps], { concurrency: 2 })
  const devices = new Set([...disk, ...memory].flatMap(({ deviceIdentifier }) => deviceIdentifier ?? []))
  return [...devices].map((device): HostReport => {
    const ofDevice = <A extends { readonly deviceIdentifier?: string | null | undefined }>(all: ReadonlyArray<A>) =>
      all.filter(({ deviceIdentifier }) => deviceIdentifier === device)
    return {
      name: device,
      url: "",
      state: "linked",
      server: "LM Link",
      weight: 1,
      serves: ["*"],
      models: ofDevice(disk).length,
      loaded: ofDevice(memory).map(({ identifier }) => identifier),
      breakers: []
    }
  })
}).pipe(
  Effect.timeout("10 seconds"),
  Effect.orElseSucceed((): ReadonlyArray<HostReport> => [])
)

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(HostReport)))
