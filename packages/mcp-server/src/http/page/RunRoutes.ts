/**
 * What the page reads of runs and does with them.
 */
import { CurrentApprover, type AgentTask } from "@lms-bridge/core/AgentLoop"
import { present } from "@lms-bridge/core/Json"
import { CurrentCaller } from "@lms-bridge/core/Observability"
import { Cassette, CassetteOfRun, RunJournal } from "@lms-bridge/core/RunJournal"
import { McpRegistry } from "@lms-bridge/core/McpRegistry"
import { Settings } from "@lms-bridge/core/Settings"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { OwnHandle } from "../../runs/RunHandle.ts"
import type * as RunReport from "../../runs/RunReport.ts"
import { Runs } from "../../runs/Runs.ts"
import { Words } from "../../tools/AgentTools.ts"
import { optional } from "../../tools/Fields.ts"
import * as Answers from "./Answers.ts"
import type { Asks } from "./Asks.ts"
import { get, post, type Route } from "./Route.ts"
import * as RunLines from "./RunLines.ts"

const Count = Schema.Int.pipe(Schema.between(1, 100_000))

const Limits = {
  rounds: optional(Count.pipe(Schema.lessThanOrEqualTo(10_000))),
  minutes: optional(Schema.Number.pipe(Schema.positive())),
  toolCalls: optional(Count),
  tokens: optional(Schema.Int.pipe(Schema.positive()))
}

const NewRun = Schema.Struct({
  task: Words,
  servers: Schema.Union(Schema.Literal("all"), Schema.Array(Schema.NonEmptyString)),
  model: optional(Schema.NonEmptyString),
  follows: optional(Schema.NonEmptyString),
  ...Limits
})

export const make = Effect.fnUntraced(function* (
  asks: Asks,
  lineOf: (record: RunReport.Record, now: number) => ReturnType<typeof RunLines.ofRecord>
) {
  const runs = yield* Runs
  const journal = yield* RunJournal
  const registry = yield* McpRegistry
  const settings = yield* Settings

  const usual: AgentTask["budgets"] = {
    rounds: settings.maxRounds,
    wallMillis: Duration.toMillis(settings.runTimeout),
    toolCalls: settings.maxToolCalls
  }

  /** The person at the page is asked; its runs take turns with those of others. */
  const begun = Effect.fnUntraced(function* <E>(start: Effect.Effect<OwnHandle, E>) {
    const person = asks.forRun()
    const handle = yield* start.pipe(
      Effect.provideService(CurrentApprover, Option.some(person.approver)),
      Effect.provideService(CurrentCaller, "page")
    )
    const { account } = yield* handle.record
    person.named(account.runId)
    return { runId: account.runId }
  })

  const shown = Effect.fnUntraced(function* (runId: string, after: number) {
    const handle = yield* runs.get(runId)
    const record = yield* handle.record
    const known = yield* handle.events
    // a long run of this process drops its first events; its journal has them
    const events =
      known[0]?._tag === "RunStarted"
        ? known
        : yield* Effect.orElseSucceed(journal.read(record.account.runId), () => known)
    const now = yield* Clock.currentTimeMillis
    const isOurs = (yield* runs.here).some(({ account }) => account.runId === record.account.runId)
    const { here: _here, ...foreign } = lineOf(record, now)
    const line = isOurs ? { ...foreign, here: true } : foreign
    return RunLines.page(line, record, events, { after, now, asks: asks.of(record.account.runId) })
  })

  /** The run as a recording, with the tools as its servers list them now. */
  const cassette = Effect.fnUntraced(function* (runId: string) {
    const handle = yield* runs.get(runId)
    const { account } = yield* handle.record
    const events = yield* Effect.orElse(journal.read(account.runId), () => handle.events)
    const tools = yield* Effect.forEach(CassetteOfRun.serversOf(events), (server) =>
      Effect.map(
        Effect.orElseSucceed(registry.tools(server), () => []),
        (tools) => [server, tools] as const
      )
    )
    const servers = yield* Effect.orElseSucceed(registry.servers, () => [])
    const entries = CassetteOfRun.entriesOf(events, { servers, tools: new Map(tools) })
    if (entries === undefined) {
      return yield* Answers.refused(422, "NoCassette", "It continues another run, so it cannot be replayed by itself.")
    }
    return { text: (yield* Effect.forEach(entries, Cassette.toLine)).join("") }
  })

  const routes: ReadonlyArray<Route> = [
    get("/api/session", () => Effect.succeed({})),
    get("/api/runs/:id", ({ query, words: [id = ""] }) => shown(id, Number(query.get("after") ?? -1))),
    get("/api/runs/:id/cassette", ({ words: [id = ""] }) => cassette(id)),
    post("/api/runs", NewRun, ({ follows, minutes, model, rounds, servers, task, tokens, toolCalls }) =>
      begun(
        runs.start({
          task,
          servers:
            servers === "all"
              ? { _tag: "All" }
              : servers.length === 0
                ? { _tag: "None" }
                : { _tag: "Named", names: [...new Set(servers)] },
          budgets: {
            ...usual,
            ...present({ rounds, toolCalls, tokens, wallMillis: minutes === undefined ? undefined : minutes * 60_000 })
          },
          ...present({ model }),
          ...(follows === undefined ? {} : { follows: { run: follows } })
        })
      )
    ),
    post("/api/runs/:id/stop", Schema.Struct({}), (_, [id = ""]) =>
      Effect.flatMap(runs.get(id), ({ cancel }) => Effect.as(cancel, {}))
    ),
    post("/api/runs/:id/resume", Schema.Struct(Limits), ({ minutes, rounds, tokens, toolCalls }, [id = ""]) =>
      Effect.gen(function* () {
        const handle = yield* runs.get(id)
        const { account } = yield* handle.record
        const wallMillis = minutes === undefined ? undefined : minutes * 60_000
        const budgets = { ...account.state.task.budgets, ...present({ rounds, toolCalls, tokens, wallMillis }) }
        return yield* begun(runs.resume(account.runId, { budgets }))
      })
    ),
    post(
      "/api/runs/:id/answer",
      Schema.Struct({ ask: Schema.NonEmptyString, approved: Schema.Boolean }),
      ({ approved, ask }, [id = ""]) =>
        Effect.filterOrFail(
          Effect.map(asks.answer(id, ask, approved), (answered) => ({ answered })),
          ({ answered }) => answered,
          () => Answers.refused(409, "NotAsked", "Nobody waits for this answer any more.")
        )
    )
  ]
  return routes
})
